"""``python -m thalia_monitor`` is the same as ``thalia-monitor``."""

from thalia_monitor.cli import main

main()
