using MathNet.Numerics.Distributions;

namespace PostTrainGate.Metrics;

/// <summary>A term of a sum as it was measured, and the standard error of that.</summary>
internal readonly record struct NoisyTerm(double Value, double Error);

/// <summary>
/// The sum of the sizes of terms that were measured with noise, as the bins of a calibration error are. The sum of the measured sizes is
/// too large: noise moves a term that is small away from 0, whichever way it moves it.
/// </summary>
/// <remarks>
/// What noise adds to a size is taken off by how much more of the same noise would add, E|x + noise| - |x|. No multiple of that leaves no
/// bias, nor does any other estimate of a size (Cai and Low 2011); with <see cref="Weight"/> the largest bias, whatever the true size, is
/// the least that it can be: 0.23 standard errors of a term, either way, instead of 0.8 too many.
/// </remarks>
internal static class SumOfSizes
{
    private const double Weight = 1.71;

    // Noise of one standard error, as points and their probabilities.
    private static readonly (double At, double Share)[] Noise =
        [.. Enumerable.Range(-40, 81).Select(i => i / 10.0).Select(z => (z, Normal.PDF(0, 1, z) / 10))];

    /// <summary>The sum with its standard error; negative where the terms came out smaller than noise alone would have them.</summary>
    /// <param name="terms">The terms, independent of each other.</param>
    public static NoisyTerm Estimate(IReadOnlyList<NoisyTerm> terms)
    {
        var (sum, variance) = (0.0, 0.0);
        foreach (var term in terms.Where(t => t.Error > 0))
        {
            var x = term.Value / term.Error;
            sum += term.Error * Size(x);
            variance += term.Error * term.Error * Variance(x);
        }

        return new(sum + terms.Sum(t => t.Error > 0 ? 0 : Math.Abs(t.Value)), Math.Sqrt(variance));
    }

    // All in standard errors of a term.
    private static double Size(double x) => Math.Abs(x) - Weight * (WithNoise(x) - Math.Abs(x));

    private static double Variance(double x)
    {
        var (mean, square) = (0.0, 0.0);
        foreach (var (at, share) in Noise)
        {
            var size = Size(x + at);
            (mean, square) = (mean + share * size, square + share * size * size);
        }

        return square - mean * mean;
    }

    // The mean of the folded normal distribution.
    private static double WithNoise(double x) => 2 * Normal.PDF(0, 1, x) + x * (1 - 2 * Normal.CDF(0, 1, -x));
}
