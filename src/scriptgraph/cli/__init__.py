"""Commands: options, console, tables, and the bridge to cmind."""
