using MathNet.Numerics.Distributions;

namespace PostTrainGate.Metrics;

/// <summary>
/// Interval of the lowest of several independent values that have intervals of their own. The lowest estimate is too low where values lie
/// close together; so a lowest value v is held against all estimates, as <see cref="SizeInterval"/> does it with sizes: the way from the
/// estimates to the nearest values whose lowest is v, against that of estimates drawn about those.
/// </summary>
/// <param name="values">The values; their intervals say how large an error is on either side.</param>
/// <param name="confidence">Level of the intervals and of the result, in (0, 1).</param>
/// <param name="seed">Seed of the draws.</param>
internal sealed class ExtremumInterval(Measurement[] values, double confidence, int seed)
{
    private const int Draws = 10_000;
    private const double Accuracy = 1e-4;

    // So many standard errors above the lowest a value may still be as low. More than between both ends of a size: luck is on one side only.
    private const double Noise = 1.25;

    private readonly double _wide = Normal.InvCDF(0, 1, (1 + confidence) / 2);
    private readonly double[] _drawn = Normals(Draws * values.Length, seed);

    /// <summary>The lowest value with its interval.</summary>
    /// <param name="count">Rows that it rests on.</param>
    public Measurement OfLowest(int count)
    {
        var lowest = values.MinBy(m => m.Value);
        if (values.Length == 1) return lowest with { Count = count };
        return new(lowest.Value, End(-1, values.Max(m => m.Value - m.Lower)), End(1, values.Max(m => m.Upper - m.Value)), count);

        double End(int direction, double step)
        {
            if (step <= 0) return lowest.Value;
            return lowest.Value + (Monotone.End(far => Excess(lowest.Value + far), direction * step, Accuracy) ?? direction * double.PositiveInfinity);
        }
    }

    // By how much the share of draws that lie farther from a lowest value of v than the estimates exceeds what may be missed.
    private double Excess(double v)
    {
        var apart = values.Select(m => Errors(v, m)).ToArray();
        var way = Way(apart);
        if (double.IsInfinity(way)) return confidence - 1;
        // Estimates below v come from v; where none is, the lowest does. So may those that lie close to it.
        var nearest = Math.Min(0, apart.Max());
        double[] from = [.. apart.Select(z => z > -Noise + nearest ? 0 : z)];
        var (farther, moved) = (0, new double[from.Length]);
        for (var d = 0; d < Draws; d++)
        {
            for (var l = 0; l < moved.Length; l++) moved[l] = from[l] + _drawn[d * moved.Length + l];
            if (Way(moved) >= way) farther++;
        }

        return farther / (double)Draws - (1 - confidence);
    }

    // Squared, from estimates that lie so many errors below v: all below have to come up to it, or else the lowest down to it.
    private static double Way(double[] apart)
    {
        var (up, down) = (0.0, double.PositiveInfinity);
        foreach (var z in apart) (up, down) = (up + (z > 0 ? z * z : 0), Math.Min(down, z * z));
        return up > 0 ? up : down;
    }

    // How many standard errors an estimate lies below v.
    private double Errors(double v, Measurement m)
    {
        if (v == m.Value) return 0;
        return _wide * (v - m.Value) / (v > m.Value ? m.Upper - m.Value : m.Value - m.Lower);
    }

    private static double[] Normals(int count, int seed)
    {
        var drawn = new double[count];
        Normal.Samples(new Random(seed), drawn, 0, 1);
        return drawn;
    }
}
