using MathNet.Numerics.Distributions;

namespace PostTrainGate.Statistics;

/// <summary>
/// Interval of the lowest of several independent values. The lowest estimate is too low where values lie close
/// together, by luck; so the interval holds the lowest values that the estimates do not contradict, as that of
/// <see cref="RangeInterval"/> does with distances.
/// </summary>
internal static class ExtremumInterval
{
    private const int Grid = 64;
    private const double Accuracy = 1e-4;

    /// <summary>The lowest value with its interval.</summary>
    /// <param name="values">The values, with intervals of their own.</param>
    /// <param name="count">Rows that it rests on.</param>
    /// <param name="confidence">Level of the intervals and of the result, in (0, 1).</param>
    public static IntervalEstimate Lowest(IReadOnlyList<IntervalEstimate> values, int count, double confidence)
    {
        Estimate[] estimates = [.. values.Select(m => Estimate.FromInterval(m, confidence))];
        var lowest = estimates.Min(e => e.Value);
        // That one is as low as v is contradicted when each of them contradicts it.
        return new(lowest, values.Min(m => m.Lower), Upper(), count);

        double Upper()
        {
            // Beyond it a single value says no; degrees of freedom jump, so that the last lowest value that is not
            // contradicted is the end.
            var last = estimates.Min(e => e.Value + e.Up * Math.Sqrt(ChiSquared.InvCDF(estimates.Length, confidence)));
            if (double.IsPositiveInfinity(last))
                return last;
            var step = (last - lowest) / Grid;
            for (var i = Grid - 1; i > 0; i--)
                if (Excess(lowest + step * i) <= 0)
                    return RootFinding.Root(Excess, lowest + step * i, lowest + step * (i + 1), Accuracy);
            return RootFinding.Root(Excess, lowest, lowest + step, Accuracy);
        }

        // By how much the squared way to the nearest values that are all v or more is longer than chance makes it.
        double Excess(double v)
        {
            var (way, below) = (0.0, 0);
            foreach (var e in estimates)
            {
                if (e.Value >= v)
                    continue;
                (way, below) = (way + (v - e.Value) * (v - e.Value) / (e.Up * e.Up), below + 1);
            }

            return way - ChiSquared.InvCDF(Math.Max(1, below), confidence);
        }
    }
}
