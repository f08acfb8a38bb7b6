using MathNet.Numerics.Distributions;

namespace PostTrainGate.Statistics;

/// <summary>A term of a sum as it was measured, and the standard error of that.</summary>
internal readonly record struct NoisyTerm(double Value, double Error);

/// <summary>
/// The sum of the sizes of terms that were measured with noise, as the bins of a calibration error are. The sum of the
/// measured sizes is too large: noise moves a term that is small away from 0, whichever way it moves it.
/// </summary>
/// <remarks>
/// What noise adds to a size is taken off by how much more of the same noise would add, E|x + noise| - |x|. No multiple
/// of that leaves no bias, nor does any other estimate of a size (Cai and Low 2011); with <see cref="Weight"/> the
/// largest bias, whatever the true size, is the least that it can be: 0.23 standard errors of a term, either way,
/// instead of 0.8 too many. <c>eng/bench -- coverage</c> shows how many intervals hold the truth.
/// </remarks>
internal static class DebiasedAbsoluteSum
{
    private const double Weight = 1.71;

    // Standard error of a term's estimated size, in its own: 0.98 where the size is 0, up to 1.2 where it is 1.5
    // errors, and 1 beyond. The lower end of an interval asks about smaller terms than the estimated ones, the upper
    // end about larger ones.
    private const double Down = 0.98,
        Up = 1.1;

    /// <summary>The sum of the measured sizes, with what noise adds to them.</summary>
    /// <param name="terms">The terms.</param>
    public static double AsMeasured(IReadOnlyList<NoisyTerm> terms) => terms.Sum(t => Math.Abs(t.Value));

    /// <summary>
    /// The sum with its standard errors; negative where the terms came out smaller than noise alone would have them.
    /// </summary>
    /// <param name="terms">The terms, independent of each other; those without an error are 0.</param>
    public static Estimate Compute(IReadOnlyList<NoisyTerm> terms)
    {
        var (sum, variance) = (0.0, 0.0);
        foreach (var (value, error) in terms)
        {
            if (error == 0)
                continue;
            var x = Math.Abs(value) / error;
            (sum, variance) = (sum + error * (x - Weight * (WithNoise(x) - x)), variance + error * error);
        }

        var noise = Math.Sqrt(variance);
        return new(sum, Down * noise, Up * noise);
    }

    /// <summary>
    /// Whether the terms' squares contradict that all of them are 0, as the bias may still make a sum that is.
    /// </summary>
    /// <param name="terms">The terms, independent of each other; those without an error are 0.</param>
    /// <param name="confidence">Level of the test, in (0, 1).</param>
    public static bool AreNotAllZero(IReadOnlyList<NoisyTerm> terms, double confidence)
    {
        var (squares, count) = (0.0, 0);
        foreach (var (value, error) in terms)
            if (error > 0)
                (squares, count) = (squares + value * value / (error * error), count + 1);
        return squares > ChiSquared.InvCDF(Math.Max(1, count), confidence);
    }

    // The mean of the folded normal distribution.
    private static double WithNoise(double x) => 2 * Normal.PDF(0, 1, x) + x * (1 - 2 * Normal.CDF(0, 1, -x));
}
