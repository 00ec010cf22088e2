"""What people run: commands, and the functions behind them. The plugin never imports this package."""

__all__: list[str] = []
