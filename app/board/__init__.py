"""What the pages share: finding studies, the focus sample, pictures, charts, live attacks."""
