"""``python -m omniroute``."""

from omniroute.cli.main import main

if __name__ == "__main__":
    main()
