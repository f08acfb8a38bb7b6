namespace PostTrainGate.Metrics;

/// <summary>
/// Intervals of sizes: how far values lie apart, whatever the sign, such as the highest and the lowest rate of several levels.
/// </summary>
/// <remarks>
/// The estimate of a size is too high where levels lie close together, since the luck of whichever comes out on top adds to it. So the
/// interval holds the sizes that could well have given the estimate: values of that size that are the nearest to the estimated ones, with
/// errors as the bootstrap has them (test inversion, Carpenter 1999). Which levels really lie together is not known: for the lower end all
/// that noise cannot tell from the highest or the lowest count as level with it, for the upper end none (generalised moment selection,
/// Andrews and Soares 2010, who let noise be sqrt(2 ln ln n) standard errors). Where nothing differs only the lower end can miss, so that
/// it has the larger part of what may be missed: of 95 % intervals 96 % should then hold the truth, elsewhere 95 %. <c>eng/bench -- coverage</c>
/// shows how many do: where rates of very different precision compete, up to all.
/// </remarks>
/// <param name="size">The size of values, [rate][level].</param>
/// <param name="nearest">Values of any size near estimated ones, whose squared standard errors it is given.</param>
internal sealed class SizeInterval(Func<double[][], double> size, Func<double[][], double[][], IValuesOfSize> nearest)
{
    /// <summary>Part of what may be missed that the lower end has, or any end at which several levels compete.</summary>
    public const double Competing = 0.8;

    private const int Halvings = 25, Doublings = 40;
    private const double Smallest = 1e-6;

    /// <summary>How far levels lie apart from each other; of several rows the largest or the mean.</summary>
    public static SizeInterval Apart(bool largest) => new(values => NearestValues.Size(values, largest),
        (estimate, variances) => new NearestValues(estimate, variances, largest));

    /// <summary>How far the farthest level lies from the last value, which is that of all levels together.</summary>
    public static SizeInterval FromLast { get; } = About(values => values.Max(row => row.Max(v => Math.Abs(v - row[^1]))), row => row[^1], true);

    /// <summary>A size that grows as the levels of the only row lie farther apart.</summary>
    public static SizeInterval Along(Func<double[][], double> size) =>
        new(size, (estimate, variances) => new ValuesAlong(new NearestValues(estimate, variances, false), size));

    /// <summary>A size that grows as the values of a row lie farther from a center.</summary>
    /// <param name="size">The size.</param>
    /// <param name="center">The center of a row.</param>
    /// <param name="compete">Whether the farthest value counts alone, so that others may be level with it.</param>
    public static SizeInterval About(Func<double[][], double> size, Func<double[], double> center, bool compete = false) =>
        new(size, (estimate, variances) => new ValuesAlong(new ScaledValues(estimate, compete ? variances : null, center), size));

    /// <summary>The interval.</summary>
    /// <param name="table">The table that was counted.</param>
    /// <param name="values">Values of a table, [rate][level].</param>
    /// <param name="confidence">Level, in (0, 1).</param>
    /// <param name="seed">Seed of the bootstrap.</param>
    /// <returns>Null when so many replicates lack a value that their tails are not known.</returns>
    public (double Lower, double Upper)? Of(GroupTable table, Func<GroupTable, double[][]> values, double confidence, int seed)
    {
        var center = values(GroupBootstrap.Center(table));
        List<double[][]> errors = [];
        foreach (var replicate in GroupBootstrap.Draw(table, seed, GroupBootstrap.Replicates(table, confidence)))
        {
            // Mirrored, as the percentile bootstrap has them: a share is missed by more on the side on which it may stray by more. Replicates
            // whose table lacks the rows that a rate needs have no value.
            var drawn = values(replicate);
            if (!double.IsNaN(size(drawn))) errors.Add([.. drawn.Zip(center, (d, c) => (double[])[.. d.Zip(c, (a, b) => b - a)])]);
        }

        if (errors.Count < GroupBootstrap.Replicates(table, confidence) * (1 + confidence) / 2) return null;
        var (estimate, missed) = (values(table), 1 - confidence);
        var infinite = !double.IsFinite(size(estimate)); // a ratio to a rate of 0
        if (infinite) estimate = center;
        var (own, noise) = (size(estimate), Math.Sqrt(2 * Math.Log(Math.Max(Math.E, Math.Log(table.Rows)))));
        var near = nearest(estimate, Variances(errors));
        var lower = Search(own, v => Share(near.Level(v, noise), s => s >= own) <= missed * Competing);
        if (infinite) return (lower, double.PositiveInfinity);
        bool Could(double v) => Share(near.Of(v), s => s <= own) > missed * (1 - Competing);
        var most = Math.Max(own, Smallest);
        for (var i = 0; i < Doublings && Could(most); i++) most *= 2;
        return (lower, Could(most) ? double.PositiveInfinity : Search(most, Could));

        // Of the errors, the share with which values have a size that fulfils a condition.
        double Share(double[][] at, Func<double, bool> holds)
        {
            double[][] moved = [.. at.Select(v => new double[v.Length])];
            var count = 0;
            foreach (var error in errors)
            {
                for (var r = 0; r < moved.Length; r++)
                    for (var l = 0; l < moved[r].Length; l++) moved[r][l] = at[r][l] + error[r][l];
                if (holds(size(moved))) count++;
            }

            return count / (double)errors.Count;
        }
    }

    // The largest size up to which a condition holds; 0 when it does not hold there.
    private static double Search(double most, Func<double, bool> holds)
    {
        var (low, high) = (0.0, most);
        for (var i = 0; i < Halvings; i++)
        {
            var middle = (low + high) / 2;
            (low, high) = holds(middle) ? (middle, high) : (low, middle);
        }

        return low;
    }

    // Squared standard error of each value.
    private static double[][] Variances(List<double[][]> errors) =>
    [
        .. errors[0].Select((row, r) => (double[])[.. row.Select((_, l) =>
        {
            var finite = errors.Select(e => e[r][l]).Where(double.IsFinite).ToArray();
            return finite.Length == 0 ? 0 : finite.Average(e => e * e);
        })]),
    ];
}
