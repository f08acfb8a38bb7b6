namespace PostTrainGate.Metrics;

/// <summary>Values of a given size that lie nearest to estimated ones, a value's distance counted in its standard errors.</summary>
/// <remarks>
/// An interval asks for them some ten thousand times: plain loops, and Newton's steps, which end exactly on functions made of lines.
/// </remarks>
internal sealed class NearestValues : IValuesOfSize
{
    private const int Steps = 30;
    private const double Tiny = 1e-12;

    private readonly double[] _estimate, _variances;

    /// <summary>For estimated values.</summary>
    /// <param name="estimate">The estimate of each level.</param>
    /// <param name="variances">Squared standard errors, of each level.</param>
    public NearestValues(double[] estimate, double[] variances) => (_estimate, _variances) = (estimate, variances);

    /// <inheritdoc/>
    public double[] Of(double size) => Cut(Ends(_estimate) is var (bottom, top) && size <= _estimate[top] - _estimate[bottom]
        ? _estimate : Spread(size), size);

    private static (int Bottom, int Top) Ends(double[] row)
    {
        var (bottom, top) = (0, 0);
        for (var l = 1; l < row.Length; l++)
        {
            if (row[l] < row[bottom]) bottom = l;
            if (row[l] > row[top]) top = l;
        }

        return (bottom, top);
    }

    // Values beyond a window of that size are brought to its border; of all such windows the one for which they move least.
    private double[] Cut(double[] values, double size)
    {
        var (bottom, top) = Ends(values);
        var (low, high) = (values[bottom], Math.Max(values[bottom], values[top] - size));
        var start = (low + high) / 2;
        for (var i = 0; i < Steps && high > low; i++)
        {
            var (pull, slope) = (0.0, 0.0);
            for (var l = 0; l < values.Length; l++)
            {
                var beyond = values[l] > start + size ? values[l] - start - size : values[l] < start ? values[l] - start : 0;
                if (beyond == 0) continue;
                var weight = 1 / Math.Max(Tiny, _variances[l]);
                (pull, slope) = (pull + weight * beyond, slope + weight);
            }

            if (slope == 0 || Math.Abs(pull) <= 1e-12 * slope) break;
            if (pull > 0) low = start;
            else high = start;
            var next = start + pull / slope;
            start = next > low && next < high ? next : (low + high) / 2;
        }

        var cut = new double[values.Length];
        for (var l = 0; l < cut.Length; l++) cut[l] = Math.Clamp(values[l], start, start + size);
        return cut;
    }

    // The two levels that have to move least are moved apart, each by its part of their variance.
    private double[] Spread(double size)
    {
        var (values, spread) = (_estimate, (double[])[.. _estimate]);
        var (best, cost) = ((Up: 0, Down: 0), double.PositiveInfinity);
        for (var i = 0; i < values.Length; i++)
        {
            for (var j = 0; j < values.Length; j++)
            {
                if (i == j) continue;
                var needed = (size - values[i] + values[j]) * (size - values[i] + values[j]) / Math.Max(Tiny,
                    _variances[i] + _variances[j]);
                if (needed < cost) (best, cost) = ((i, j), needed);
            }
        }

        var (up, down) = best;
        var (missing, part) = (size - (values[up] - values[down]),
            _variances[up] / Math.Max(Tiny, _variances[up] + _variances[down]));
        (spread[up], spread[down]) = (values[up] + missing * part, values[down] - missing * (1 - part));
        return spread;
    }

    /// <inheritdoc/>
    public double[] Level(double size, double noise)
    {
        var values = Of(size);
        var (bottom, top) = (Array.IndexOf(values, values.Min()), Array.IndexOf(values, values.Max()));
        return [.. values.Select((v, l) =>
        {
            var extreme = values[top] - v <= v - values[bottom] ? top : bottom;
            return Math.Abs(v - values[extreme]) < noise * Math.Sqrt(_variances[l] + _variances[extreme]) ? values[extreme] : v;
        })];
    }
}
