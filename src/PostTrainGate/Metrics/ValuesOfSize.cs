namespace PostTrainGate.Metrics;

/// <summary>Values of any size near estimated ones.</summary>
internal interface IValuesOfSize
{
    /// <summary>Values of that size, of each level.</summary>
    double[] Of(double size);

    /// <summary>The same, where all that noise hardly tells from an extreme is level with it.</summary>
    /// <param name="size">The size.</param>
    /// <param name="noise">How many standard errors noise is.</param>
    double[] Level(double size, double noise) => Of(size);
}

/// <summary>Values of another size than the one that a family of values has: along that family to where they have it.</summary>
/// <param name="family">Values of growing size.</param>
/// <param name="size">The size that is wanted, which grows along the family.</param>
internal sealed class ValuesAlong(IValuesOfSize family, Func<double[], double> size) : IValuesOfSize
{
    private const int Doublings = 45;
    private const double Accuracy = 1e-6;

    /// <inheritdoc/>
    public double[] Of(double wanted) => Reach(family.Of, wanted);

    /// <inheritdoc/>
    public double[] Level(double wanted, double noise) => Reach(s => family.Level(s, noise), wanted);

    private double[] Reach(Func<double, double[]> at, double wanted)
    {
        var high = 1.0;
        for (var i = 0; i < Doublings && size(at(high)) < wanted; i++) high *= 2;
        return at(Monotone.Root(s => size(at(s)) - wanted, 0, high, Accuracy));
    }
}

/// <summary>Estimated values drawn toward a center or away from it; the size is how many times as far they lie from it.</summary>
/// <param name="estimate">The estimate of each level.</param>
/// <param name="center">Their center.</param>
internal sealed class ScaledValues(double[] estimate, double center) : IValuesOfSize
{
    /// <inheritdoc/>
    public double[] Of(double scale) => [.. estimate.Select(v => center + scale * (v - center))];
}
