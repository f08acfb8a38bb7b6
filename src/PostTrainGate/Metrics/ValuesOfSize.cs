namespace PostTrainGate.Metrics;

/// <summary>Values of any size near estimated ones.</summary>
internal interface IValuesOfSize
{
    /// <summary>Values of that size, [rate][level].</summary>
    double[][] Of(double size);

    /// <summary>Values of that size in which all that noise cannot tell from an extreme are level with it.</summary>
    /// <param name="size">The size.</param>
    /// <param name="noise">How many standard errors noise is.</param>
    double[][] Level(double size, double noise);
}

/// <summary>Estimated values drawn toward the mean of their row, or away from it.</summary>
/// <param name="estimate">[rate][level].</param>
/// <param name="weights">Weight of each level in the mean.</param>
/// <param name="size">The size.</param>
internal sealed class ScaledValues(double[][] estimate, double[] weights, Func<double[][], double> size) : IValuesOfSize
{
    private const int Halvings = 60;

    /// <inheritdoc/>
    public double[][] Of(double wanted)
    {
        var (low, high) = (0.0, 1.0);
        for (var i = 0; i < Halvings && size(At(high)) is var reached && reached > 0 && reached < wanted; i++) high *= 2;
        for (var i = 0; i < Halvings; i++)
        {
            var middle = (low + high) / 2;
            (low, high) = size(At(middle)) < wanted ? (middle, high) : (low, middle);
        }

        return At(low);
    }

    /// <inheritdoc/>
    public double[][] Level(double size, double noise) => Of(size);

    private double[][] At(double scale) => [.. estimate.Select(row =>
    {
        var mean = row.Zip(weights, (v, w) => v * w).Sum() / weights.Sum();
        return (double[])[.. row.Select(v => mean + scale * (v - mean))];
    })];
}
