namespace PostTrainGate.Metrics;

/// <summary>
/// Intervals of sizes whose values depend on each other, or that are no distance of two of them: how far a level lies from all rows
/// together, how unequal groups are. Distances of independent values have <see cref="SpreadInterval"/>, which needs no draws.
/// </summary>
/// <remarks>
/// The estimate of a size is too high where levels lie close together, since the luck of whichever comes out on top adds to it. So the
/// interval holds the sizes that could well have given the estimate (test inversion, Carpenter 1999): those to which the estimated values
/// have no longer way than most values would have that errors, as the bootstrap has them, make of the nearest values of that size. The way
/// is counted in standard errors, so that it is that of a likelihood ratio, whose distribution hardly depends on which levels really lie
/// together; an interval may reach 0 without being one-sided by decree (Feldman and Cousins 1998). <c>eng/bench -- coverage</c> shows how
/// many intervals hold the truth.
/// </remarks>
/// <param name="size">The size of values, one of each level.</param>
/// <param name="nearest">Values of any size near estimated ones, whose squared standard errors it is given.</param>
internal sealed class SizeInterval(Func<double[], double> size, Func<double[], double[], IValuesOfSize> nearest)
{
    // So many standard errors from an extreme a level still counts as level with it: which ones really are is not known.
    private const double Noise = 1;

    private const double Tiny = 1e-12, Smallest = 1e-6, Accuracy = 1e-3;

    /// <summary>How far the farthest level lies from the last value, which is that of all levels together.</summary>
    public static SizeInterval FromLast { get; } = Along(values => values.Max(v => Math.Abs(v - values[^1])));

    /// <summary>A size that grows as values lie farther from a center.</summary>
    /// <param name="size">The size.</param>
    /// <param name="center">The center of values.</param>
    public static SizeInterval About(Func<double[], double> size, Func<double[], double> center) =>
        new(size, (estimate, _) => new ValuesAlong(new ScaledValues(estimate, center(estimate)), size));

    // A size that grows as the levels lie farther apart.
    private static SizeInterval Along(Func<double[], double> size) =>
        new(size, (estimate, variances) => new ValuesAlong(new NearestValues(estimate, variances), size));

    /// <summary>The interval.</summary>
    /// <param name="table">The table that was counted.</param>
    /// <param name="values">Values of a table, one of each level.</param>
    /// <param name="confidence">Level, in (0, 1).</param>
    /// <param name="seed">Seed of the bootstrap.</param>
    /// <returns>Null when so many replicates lack a value that their tails are not known.</returns>
    public (double Lower, double Upper)? Of(GroupTable table, Func<GroupTable, double[]> values, double confidence, int seed)
    {
        var center = values(GroupBootstrap.Center(table));
        List<double[]> errors = [];
        foreach (var replicate in GroupBootstrap.Draw(table, seed, GroupBootstrap.Replicates(table, confidence)))
        {
            // Mirrored, as the percentile bootstrap has them: a share is missed by more on the side on which it may stray by more.
            // Replicates whose table lacks the rows that a rate needs have no value.
            var drawn = values(replicate);
            if (!double.IsNaN(size(drawn))) errors.Add([.. drawn.Zip(center, (d, c) => c - d)]);
        }

        if (errors.Count < GroupBootstrap.Replicates(table, confidence) * (1 + confidence) / 2) return null;
        var (estimate, missed) = (values(table), 1 - confidence);
        var infinite = !double.IsFinite(size(estimate)); // a ratio to a rate of 0
        if (infinite) estimate = center;
        var (own, variances) = (size(estimate), Variances(errors));
        var near = nearest(estimate, variances);
        var lower = Monotone.Root(Excess, 0, own, Accuracy);
        if (infinite) return (lower, double.PositiveInfinity);
        return (lower, own + (Monotone.End(up => Excess(own + up), Math.Max(own, Smallest), Accuracy) ?? double.PositiveInfinity));

        // By how much the share of values of a size that come out farther from it than the estimated ones exceeds what may be missed.
        double Excess(double v)
        {
            var way = Way(estimate, near.Of(v)) * (1 - Tiny);
            var at = near.Level(v, Noise);
            var moved = new double[at.Length];
            var farther = 0;
            foreach (var error in errors)
            {
                for (var l = 0; l < moved.Length; l++) moved[l] = at[l] + error[l];
                if (!double.IsFinite(size(moved)) || Way(moved, nearest(moved, variances).Of(v)) >= way) farther++;
            }

            return farther / (double)errors.Count - missed;
        }

        // Squared, in standard errors.
        double Way(double[] from, double[] to)
        {
            var sum = 0.0;
            for (var l = 0; l < from.Length; l++) sum += (from[l] - to[l]) * (from[l] - to[l]) / Math.Max(Tiny, variances[l]);
            return sum;
        }
    }

    // Squared standard error of each value.
    private static double[] Variances(List<double[]> errors) =>
    [
        .. errors[0].Select((_, l) =>
            errors.Select(e => e[l]).Where(double.IsFinite).Select(e => e * e).DefaultIfEmpty().Average()),
    ];
}
