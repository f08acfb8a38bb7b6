using MathNet.Numerics.Distributions;

namespace PostTrainGate.Statistics;

/// <summary>
/// An estimated value and its standard errors on both sides: how far the true one may well lie below and above it.
/// </summary>
internal readonly record struct Estimate(double Value, double Down, double Up)
{
    private const double Tiny = 1e-12;

    /// <summary>From a measurement, whose interval says how large errors are.</summary>
    /// <param name="m">The measurement.</param>
    /// <param name="confidence">Level of its interval.</param>
    public static Estimate FromInterval(IntervalEstimate m, double confidence)
    {
        var errors = Errors(confidence);
        return new(m.Value, Math.Max(Tiny, (m.Value - m.Lower) / errors), Math.Max(Tiny, (m.Upper - m.Value) / errors));
    }

    /// <summary>
    /// The same of the logarithm. A value of 0 has none; the middle of its interval, which must reach above 0, does.
    /// </summary>
    /// <param name="m">The measurement.</param>
    /// <param name="confidence">Level of its interval.</param>
    public static Estimate FromLogarithm(IntervalEstimate m, double confidence)
    {
        var lower = Math.Max(0, m.Lower);
        var value = m.Value > 0 ? m.Value : (lower + m.Upper) / 2;
        return FromInterval(
            m with
            {
                Value = Math.Log(value),
                Lower = Math.Log(lower),
                Upper = Math.Log(m.Upper),
            },
            confidence
        );
    }

    /// <summary>How many standard errors an interval reaches to either side.</summary>
    public static double Errors(double confidence) => Normal.InvCDF(0, 1, (1 + confidence) / 2);
}
