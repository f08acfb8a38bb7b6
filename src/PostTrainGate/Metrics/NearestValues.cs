namespace PostTrainGate.Metrics;

/// <summary>Values of a given size that lie nearest to estimated ones, a value's distance counted in its standard errors.</summary>
/// <param name="estimate">[rate][level].</param>
/// <param name="variances">Squared standard errors, [rate][level].</param>
/// <param name="largest">Whether the largest of the rows' sizes counts, instead of their mean.</param>
internal sealed class NearestValues(double[][] estimate, double[][] variances, bool largest) : IValuesOfSize
{
    private const double Tiny = 1e-12;

    private readonly double[] _sizes = [.. estimate.Select(Size)];

    /// <summary>The size of values.</summary>
    public static double Size(double[][] values, bool largest)
    {
        var (sum, max) = (0.0, 0.0);
        foreach (var row in values)
        {
            var size = Size(row);
            (sum, max) = (sum + size, Math.Max(max, size));
        }

        return largest ? max : sum / values.Length;
    }

    private static double Size(double[] row)
    {
        var (least, most) = (double.PositiveInfinity, double.NegativeInfinity);
        foreach (var x in row) (least, most) = (Math.Min(least, x), Math.Max(most, x));
        return most - least;
    }

    /// <inheritdoc/>
    public double[][] Of(double size)
    {
        var sizes = Sizes(size);
        return [.. sizes.Select((s, r) => Sized(r, s))];
    }

    /// <summary>Levels of a row are brought level with its extremes, and rows with the largest, or where their mean counts, with 0.</summary>
    /// <inheritdoc/>
    public double[][] Level(double size, double noise)
    {
        var sizes = Sizes(size);
        for (var r = 0; r < sizes.Length && sizes.Length > 1; r++)
        {
            var error = noise * Math.Sqrt(Error(r));
            if (largest && size - sizes[r] < error) sizes[r] = size;
            else if (!largest && sizes[r] < error && sizes.Where((s, other) => other != r && s > 0).Any()) sizes[r] = 0;
        }

        // Where rows were brought down, the others have to make up for it.
        if (!largest && sizes.Average() is > 0 and var mean) sizes = [.. sizes.Select(s => s * size / mean)];
        return [.. sizes.Select((s, r) => Level(r, Sized(r, s), noise))];
    }

    // How large each row is.
    private double[] Sizes(double size)
    {
        if (largest)
        {
            double[] cut = [.. _sizes.Select(s => Math.Min(s, size))];
            if (size <= _sizes.Max()) return cut;
            var cheapest = Enumerable.Range(0, cut.Length).MinBy(r => Math.Pow(size - _sizes[r], 2) / Error(r));
            cut[cheapest] = size;
            return cut;
        }

        double[] At(double step) => [.. _sizes.Select((s, r) => Math.Max(0, s + step * Error(r)))];
        var (low, high) = (-_sizes.Select((s, r) => s / Error(r)).Max(), _sizes.Length * size / _sizes.Select((_, r) => Error(r)).Max());
        for (var i = 0; i < 60; i++)
        {
            var middle = (low + high) / 2;
            (low, high) = At(middle).Average() < size ? (middle, high) : (low, middle);
        }

        return At(high);
    }

    // A row's values with that size.
    private double[] Sized(int r, double size) => size <= _sizes[r] ? Cut(r, estimate[r], size) : Cut(r, Spread(r, size), size);

    // Values beyond a window of that size are brought to its border; of all such windows the one for which they move least.
    private double[] Cut(int r, double[] values, double size)
    {
        var (low, high) = (values.Min(), Math.Max(values.Min(), values.Max() - size));
        for (var i = 0; i < 50; i++)
        {
            var (start, pull) = ((low + high) / 2, 0.0);
            for (var l = 0; l < values.Length; l++)
                pull += (Math.Max(0, values[l] - start - size) - Math.Max(0, start - values[l])) / Math.Max(Tiny, variances[r][l]);
            (low, high) = pull > 0 ? (start, high) : (low, start);
        }

        return [.. values.Select(v => Math.Clamp(v, low, low + size))];
    }

    // The two levels that have to move least are moved apart, each by its part of their variance.
    private double[] Spread(int r, double size)
    {
        var (values, spread) = (estimate[r], (double[])[.. estimate[r]]);
        var (best, cost) = ((Up: 0, Down: 0), double.PositiveInfinity);
        for (var i = 0; i < values.Length; i++)
        {
            for (var j = 0; j < values.Length; j++)
            {
                if (i == j) continue;
                var needed = Math.Pow(size - (values[i] - values[j]), 2) / Math.Max(Tiny, variances[r][i] + variances[r][j]);
                if (needed < cost) (best, cost) = ((i, j), needed);
            }
        }

        var (up, down) = best;
        var (missing, part) = (size - (values[up] - values[down]), variances[r][up] / Math.Max(Tiny, variances[r][up] + variances[r][down]));
        (spread[up], spread[down]) = (values[up] + missing * part, values[down] - missing * (1 - part));
        return spread;
    }

    // Squared standard error of a row's size: of its two outermost values.
    private double Error(int r)
    {
        var row = estimate[r];
        return Math.Max(Tiny, variances[r][Array.IndexOf(row, row.Min())] + variances[r][Array.IndexOf(row, row.Max())]);
    }

    private double[] Level(int r, double[] values, double noise)
    {
        var (bottom, top) = (Array.IndexOf(values, values.Min()), Array.IndexOf(values, values.Max()));
        return [.. values.Select((v, l) =>
        {
            bool Near(int extreme) => Math.Abs(v - values[extreme]) < noise * Math.Sqrt(variances[r][l] + variances[r][extreme]);
            var upward = values[top] - v <= v - values[bottom];
            return upward && Near(top) ? values[top] : !upward && Near(bottom) ? values[bottom] : v;
        })];
    }
}
