"""What screens are made of: sheets, rows, long texts, small questions, the keys at the foot."""
