namespace PostTrainGate.Metrics;

/// <summary>Values of a given size that lie nearest to estimated ones, a value's distance counted in its standard errors.</summary>
/// <remarks>
/// An interval asks for them some ten thousand times: plain loops, and Newton's steps, which end exactly on functions made of lines.
/// </remarks>
internal sealed class NearestValues : IValuesOfSize
{
    private const int Steps = 30;
    private const double Tiny = 1e-12;

    private readonly double[][] _estimate, _variances;
    private readonly double[] _sizes, _errors; // of each row: its size, and the squared standard error of that

    /// <summary>For estimated values.</summary>
    /// <param name="estimate">[rate][level].</param>
    /// <param name="variances">Squared standard errors, [rate][level].</param>
    public NearestValues(double[][] estimate, double[][] variances)
    {
        (_estimate, _variances, _sizes, _errors) = (estimate, variances, new double[estimate.Length], new double[estimate.Length]);
        for (var r = 0; r < estimate.Length; r++)
        {
            var (bottom, top) = Ends(estimate[r]);
            (_sizes[r], _errors[r]) = (estimate[r][top] - estimate[r][bottom], Math.Max(Tiny, variances[r][bottom] + variances[r][top]));
        }
    }

    /// <summary>The size of values: how far the levels of a row lie apart, the mean of all rows.</summary>
    public static double Size(double[][] values)
    {
        var sum = 0.0;
        foreach (var row in values) sum += Size(row);
        return sum / values.Length;
    }

    private static double Size(double[] row) => Ends(row) is var (bottom, top) ? row[top] - row[bottom] : 0;

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

    /// <inheritdoc/>
    public double[][] Of(double size)
    {
        var sizes = MeanOf(size);
        var values = new double[sizes.Length][];
        for (var r = 0; r < sizes.Length; r++)
            values[r] = Cut(sizes[r] <= _sizes[r] ? _estimate[r] : Spread(r, sizes[r]), _variances[r], sizes[r]);
        return values;
    }

    // How large each row is: all move in the same number of errors; those that would come below 0 stay there.
    private double[] MeanOf(double size)
    {
        var (moved, gone) = (new double[_sizes.Length], new bool[_sizes.Length]);
        for (var again = true; again;)
        {
            var (missing, errors) = (size * moved.Length, 0.0);
            for (var r = 0; r < moved.Length; r++) if (!gone[r]) (missing, errors) = (missing - _sizes[r], errors + _errors[r]);
            again = false;
            for (var r = 0; r < moved.Length; r++)
            {
                moved[r] = gone[r] ? 0 : _sizes[r] + (errors > 0 ? missing / errors * _errors[r] : 0);
                if (moved[r] < 0) again = gone[r] = true;
            }
        }

        return moved;
    }

    // Values beyond a window of that size are brought to its border; of all such windows the one for which they move least.
    private static double[] Cut(double[] values, double[] variances, double size)
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
                var weight = 1 / Math.Max(Tiny, variances[l]);
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
    private double[] Spread(int r, double size)
    {
        var (values, spread) = (_estimate[r], (double[])[.. _estimate[r]]);
        var (best, cost) = ((Up: 0, Down: 0), double.PositiveInfinity);
        for (var i = 0; i < values.Length; i++)
        {
            for (var j = 0; j < values.Length; j++)
            {
                if (i == j) continue;
                var needed = (size - values[i] + values[j]) * (size - values[i] + values[j]) / Math.Max(Tiny,
                    _variances[r][i] + _variances[r][j]);
                if (needed < cost) (best, cost) = ((i, j), needed);
            }
        }

        var (up, down) = best;
        var (missing, part) = (size - (values[up] - values[down]),
            _variances[r][up] / Math.Max(Tiny, _variances[r][up] + _variances[r][down]));
        (spread[up], spread[down]) = (values[up] + missing * part, values[down] - missing * (1 - part));
        return spread;
    }

    /// <inheritdoc/>
    public double[][] Level(double size, double noise) => [.. Of(size).Select((values, r) => Level(r, values, noise))];

    private double[] Level(int r, double[] values, double noise)
    {
        var (bottom, top) = (Array.IndexOf(values, values.Min()), Array.IndexOf(values, values.Max()));
        return [.. values.Select((v, l) =>
        {
            var extreme = values[top] - v <= v - values[bottom] ? top : bottom;
            return Math.Abs(v - values[extreme]) < noise * Math.Sqrt(_variances[r][l] + _variances[r][extreme]) ? values[extreme] : v;
        })];
    }
}
