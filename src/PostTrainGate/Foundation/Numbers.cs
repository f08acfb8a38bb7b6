using System.Globalization;

namespace PostTrainGate.Foundation;

/// <summary>Numbers as people read them, the same in every report.</summary>
internal static class Numbers
{
    /// <summary>
    /// A measured number: three decimals, so that values line up, or two significant digits for a tiny one.
    /// </summary>
    public static string Measured(double value) =>
        Math.Abs(value) switch
        {
            >= 0.0005 or 0 or double.NaN => value.ToString("0.000", CultureInfo.InvariantCulture),
            // Digits as far as people count zeros.
            >= 1e-6 => (
                (decimal)double.Parse(value.ToString("G2", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)
            ).ToString(CultureInfo.InvariantCulture),
            _ => value.ToString("G2", CultureInfo.InvariantCulture),
        };

    /// <summary>
    /// A number that somebody chose: at most three decimals, or three significant digits for a small one.
    /// </summary>
    public static string Chosen(double value) =>
        value.ToString(Math.Abs(value) is > 0 and < 0.01 ? "G3" : "0.###", CultureInfo.InvariantCulture);
}
