"""What single papers do with runs beside fitting a law: best sizes, settings, steps, signs of instability."""
