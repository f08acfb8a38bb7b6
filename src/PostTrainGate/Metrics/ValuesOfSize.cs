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

/// <summary>Values of another size than the one that a family of values has: along that family to where they have it.</summary>
/// <param name="family">Values of growing size.</param>
/// <param name="size">The size that is wanted, which grows along the family.</param>
internal sealed class ValuesAlong(IValuesOfSize family, Func<double[][], double> size) : IValuesOfSize
{
    private const int Halvings = 45;

    /// <inheritdoc/>
    public double[][] Of(double wanted) => Reach(family.Of, wanted);

    /// <inheritdoc/>
    public double[][] Level(double wanted, double noise) => Reach(s => family.Level(s, noise), wanted);

    private double[][] Reach(Func<double, double[][]> at, double wanted)
    {
        var (low, high) = (0.0, 1.0);
        for (var i = 0; i < Halvings && size(at(high)) is var reached && reached < wanted; i++) high *= 2;
        for (var i = 0; i < Halvings; i++)
        {
            var middle = (low + high) / 2;
            (low, high) = size(at(middle)) < wanted ? (middle, high) : (low, middle);
        }

        return at(low);
    }
}

/// <summary>Estimated values drawn toward a center or away from it; the size is how many times as far they lie from it.</summary>
/// <param name="estimate">[rate][level].</param>
/// <param name="variances">Squared standard errors, [rate][level]; null: no value has to be level with another.</param>
/// <param name="center">The center of a row.</param>
internal sealed class ScaledValues(double[][] estimate, double[][]? variances, Func<double[], double> center) : IValuesOfSize
{
    /// <inheritdoc/>
    public double[][] Of(double scale) => [.. estimate.Select(row => (double[])[.. row.Select(v => center(row) + scale * (v - center(row)))])];

    /// <inheritdoc/>
    public double[][] Level(double scale, double noise) => variances is null ? Of(scale) : [.. Of(scale).Select((row, r) =>
    {
        var (middle, far) = (center(row), row.Max(v => Math.Abs(v - center(row))));
        return (double[])[.. row.Select((v, l) => v != middle && far - Math.Abs(v - middle) < noise * Math.Sqrt(variances[r][l]) ? middle + Math.Sign(v - middle) * far : v)];
    })];
}
