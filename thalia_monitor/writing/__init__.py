"""The writing half: what :class:`thalia_monitor.logger.CurriculumLogger` is made of. Standard library only."""
