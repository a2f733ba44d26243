"""``python -m tailwarden``: the console command."""

from tailwarden.cli.app import main

if __name__ == "__main__":
    main()
