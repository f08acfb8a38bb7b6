using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>
/// Intervals of sizes whose values depend on each other, or that are no distance of two of them: how far a level lies
/// from all rows together, how unequal groups are. Distances of independent values have <see cref="RangeInterval"/>,
/// which needs no draws.
/// </summary>
/// <remarks>
/// The estimate of a size is too high where levels lie close together, since the luck of whichever comes out on top
/// adds to it. So the interval holds the sizes that could well have given the estimate (test inversion, Carpenter
/// 1999): those from which the estimated values are no farther than most values would be that errors, as the bootstrap
/// has them, make of values of that size. It may reach 0 without being one-sided by decree (Feldman and Cousins 1998).
/// <c>eng/bench -- coverage</c> shows how many intervals hold the truth.
/// </remarks>
internal static class SizeInterval
{
    private const double Tiny = 1e-12,
        Smallest = 1e-6,
        Accuracy = 1e-3;

    /// <summary>The interval.</summary>
    /// <param name="table">The table that was counted.</param>
    /// <param name="values">Values of a table.</param>
    /// <param name="near">Values of any size near estimated ones, whose standard errors it is given.</param>
    /// <param name="confidence">Level, in (0, 1).</param>
    /// <param name="seed">Seed of the bootstrap.</param>
    /// <returns>Null when so many replicates lack a value that their tails are not known.</returns>
    public static (double Lower, double Upper)? Invert(
        GroupTable table,
        Func<GroupTable, double[]> values,
        Func<double[], double[], IValuesOfSize> near,
        double confidence,
        int seed
    )
    {
        List<double[]> drawn = [];
        foreach (var replicate in GroupBootstrap.Draw(table, seed, GroupBootstrap.Replicates(table, confidence)))
        {
            // Replicates whose table lacks the rows that a rate needs have no value.
            var found = values(replicate);
            if (!found.Any(double.IsNaN))
                drawn.Add(found);
        }

        if (drawn.Count < GroupBootstrap.Replicates(table, confidence) * (1 + confidence) / 2)
            return null;
        var errors = Errors(drawn);
        var (estimate, missed) = (values(table), 1 - confidence);
        var infinite = !estimate.All(double.IsFinite); // a ratio to a rate of 0
        if (infinite)
            estimate = values(GroupBootstrap.Center(table));
        var family = near(estimate, StandardErrors(errors));
        var own = family.Size(estimate);
        var lower = RootFinding.Root(Excess, 0, own, Accuracy);
        if (infinite)
            return (lower, double.PositiveInfinity);
        return (
            lower,
            own
                + (
                    RootFinding.End(up => Excess(own + up), Math.Max(own, Smallest), Accuracy)
                    ?? double.PositiveInfinity
                )
        );

        // By how much the share of values of a size that come out farther from it than the estimated ones exceeds what
        // may be missed.
        double Excess(double v)
        {
            var beyond = Math.Abs(family.Beyond(estimate, v)) * (1 - Tiny);
            var at = family.ScaleTo(v);
            var moved = new double[at.Length];
            var farther = 0;
            foreach (var error in errors)
            {
                for (var l = 0; l < moved.Length; l++)
                    moved[l] = at[l] + error[l];
                if (!(Math.Abs(family.Beyond(moved, v)) < beyond))
                    farther++;
            }

            return farther / (double)errors.Count - missed;
        }
    }

    // Mirrored, as the percentile bootstrap has them: a share is missed by more on the side on which it may stray by
    // more. About the mean, since the noise that replicates have on top of the table's may add to a value.
    private static List<double[]> Errors(List<double[]> drawn)
    {
        var means = Means(drawn, v => v);
        return [.. drawn.Select(d => (double[])[.. means.Zip(d, (m, v) => m - v)])];
    }

    private static double[] StandardErrors(List<double[]> errors) =>
        [.. Means(errors, e => e * e).Select(variance => Math.Max(Tiny, Math.Sqrt(variance)))];

    // Of each value over the replicates in which it is finite.
    private static double[] Means(List<double[]> replicates, Func<double, double> of) =>
        [
            .. replicates[0]
                .Select(
                    (_, l) => replicates.Select(r => r[l]).Where(double.IsFinite).Select(of).DefaultIfEmpty().Average()
                ),
        ];
}
