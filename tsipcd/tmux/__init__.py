"""The edge towards tmux: quoting, control mode, who sits in a pane, steps. Decides nothing about messages."""
