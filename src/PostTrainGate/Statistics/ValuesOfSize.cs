namespace PostTrainGate.Statistics;

/// <summary>A size of several values, and values of any size near estimated ones.</summary>
internal interface IValuesOfSize
{
    /// <summary>The size of values.</summary>
    double Size(double[] values);

    /// <summary>Values of that size.</summary>
    double[] ScaleTo(double size);

    /// <summary>
    /// By how much values are larger than that size, negative where they are smaller; noise counts alike in all of
    /// them.
    /// </summary>
    double Beyond(double[] values, double size);
}

/// <summary>How far the value that is farthest from 0 lies from it.</summary>
/// <param name="estimate">The estimated values.</param>
/// <param name="errors">Their standard errors.</param>
internal sealed class FarthestValue(double[] estimate, double[] errors) : IValuesOfSize
{
    // So many standard errors from the border a value still counts as on it: which ones really are is not known.
    private const double Noise = 1;

    /// <inheritdoc/>
    public double Size(double[] values) => values.Max(Math.Abs);

    /// <inheritdoc/>
    public double[] ScaleTo(double size)
    {
        // What lies beyond is brought to the border, and so is what noise hardly tells from it; if all lie within, the
        // one that has least way, in errors.
        var nearest = Enumerable.Range(0, estimate.Length).MaxBy(l => Way(estimate[l], size, l));
        return [.. estimate.Select((v, l) => l == nearest || Way(v, size, l) > -Noise ? Math.CopySign(size, v) : v)];
    }

    /// <inheritdoc/>
    public double Beyond(double[] values, double size)
    {
        var most = double.NegativeInfinity;
        for (var l = 0; l < values.Length; l++)
            most = Math.Max(most, Way(values[l], size, l));
        return most;
    }

    private double Way(double value, double size, int l) => (Math.Abs(value) - size) / errors[l];
}

/// <summary>
/// A size that grows as values lie farther from their center; they are drawn toward it or away from it.
/// </summary>
/// <param name="estimate">The estimated values.</param>
/// <param name="center">Their center.</param>
/// <param name="size">Their size.</param>
internal sealed class ScaledValues(double[] estimate, double center, Func<double[], double> size) : IValuesOfSize
{
    private const int Doublings = 45;
    private const double Accuracy = 1e-6;

    /// <inheritdoc/>
    public double Size(double[] values) => size(values);

    /// <inheritdoc/>
    public double[] ScaleTo(double wanted)
    {
        var high = 1.0;
        for (var i = 0; i < Doublings && size(Scaled(high)) < wanted; i++)
            high *= 2;
        return Scaled(RootFinding.Root(s => size(Scaled(s)) - wanted, 0, high, Accuracy));
    }

    /// <inheritdoc/>
    public double Beyond(double[] values, double wanted) => size(values) - wanted;

    private double[] Scaled(double scale) => [.. estimate.Select(v => center + scale * (v - center))];
}
