using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>Bootstrap of a group table, stratified by level.</summary>
internal static class GroupBootstrap
{
    /// <summary>Replicates drawn.</summary>
    public const int Replicates = 2000;

    // Half a row in each cell: a level whose few rows all agree is not certain to agree for ever (Jeffreys' prior does the same for one
    // proportion). Without it its interval would be a point.
    private const double Half = 0.5;

    /// <summary>
    /// Tables as other samples of the same size would give them. To draw rows of a level with replacement is to draw its four cells from a
    /// multinomial distribution, here by binomials one after the other.
    /// </summary>
    /// <returns>The table that was drawn from, smoothed; and per replicate the table of each level.</returns>
    public static (Confusion[] Center, Confusion[][] Replicates) Draw(GroupTable table, int seed)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator((ulong)(uint)seed, CPU);
        var levels = table.Cells.Length;
        Confusion[] center = [.. table.Cells.Select(c =>
            new Confusion(c.TruePositives + Half, c.FalsePositives + Half, c.FalseNegatives + Half, c.TrueNegatives + Half))];

        Tensor Column(Func<Confusion, double> of) => tensor(center.Select(of).ToArray()).expand(Replicates, levels);
        var left = tensor(table.Cells.Select(c => c.Count).ToArray()).expand(Replicates, levels);
        double[] Next(Tensor share)
        {
            var drawn = binomial(left, share.contiguous(), random); // [replicates, levels]
            left = left - drawn;
            return drawn.data<double>().ToArray();
        }

        var tp = Next(Column(c => c.TruePositives / c.Count));
        var fp = Next(Column(c => c.FalsePositives / (c.Count - c.TruePositives)));
        var fn = Next(Column(c => c.FalseNegatives / (c.FalseNegatives + c.TrueNegatives)));
        var tn = left.data<double>().ToArray();
        var replicates = Enumerable.Range(0, Replicates)
            .Select(r => Enumerable.Range(r * levels, levels).Select(i => new Confusion(tp[i], fp[i], fn[i], tn[i])).ToArray()).ToArray();
        return (center, replicates);
    }
}
