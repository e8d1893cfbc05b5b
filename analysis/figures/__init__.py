"""Every plotly figure: pure functions of data, one file for each thing that is looked at."""
