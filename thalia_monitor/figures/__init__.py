"""State to Plotly figures, one module per section. Knows no Dash."""
