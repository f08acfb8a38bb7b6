using MathNet.Numerics.Distributions;

namespace PostTrainGate.Statistics;

/// <summary>
/// Interval of how far independent values lie apart, highest less lowest: of several rows of values the largest such
/// distance, or their mean.
/// </summary>
/// <remarks>
/// The estimated distance is too long where values lie close together, by the luck of whichever comes out on top. So
/// the interval holds the distances that the estimates do not contradict. "No farther apart than v" holds for a set of
/// values that planes bound: the squared way from the estimates to its nearest point is held against the chi-squared
/// distribution with as many degrees of freedom as planes that this point lies on (Cox and Shi 2023). "At least v
/// apart" is contradicted when every pair of levels contradicts it (Berger 1982). Where levels are tied at an end the
/// first test errs up to twice as often as where none is, and the second hardly ever, so that together they keep their
/// level.
/// </remarks>
/// <param name="rows">[row][level].</param>
/// <param name="largest">Whether the largest of the rows' distances counts, instead of their mean.</param>
/// <param name="confidence">Level, in (0, 1).</param>
internal sealed class RangeInterval(Estimate[][] rows, bool largest, double confidence)
{
    private const int Grid = 64,
        Halvings = 50;
    private const double Accuracy = 1e-4;

    // A single pair errs on the side of "farther" half of the time that several do; that is made up for half of the
    // way, as a pair that seems single may have been several.
    private const double Single = 1.5;

    private readonly double _errors = Estimate.Errors(confidence);

    /// <summary>The distance of the estimates.</summary>
    private readonly double _distance = largest ? rows.Max(Range) : rows.Average(Range);

    /// <summary>The interval.</summary>
    public (double Lower, double Upper) Ends() => (Lower(), Upper());

    // Degrees of freedom jump from distance to distance: the first that is not contradicted.
    private double Lower()
    {
        if (Excess(0) <= 0)
            return 0;
        var i = 1;
        while (i < Grid && Excess(_distance * i / Grid) > 0)
            i++;
        return RootFinding.Root(Excess, _distance * (i - 1) / Grid, _distance * i / Grid, Accuracy);
    }

    private double Upper()
    {
        var pairs = rows.Select(row =>
                (
                    from a in row.Index()
                    from b in row.Index()
                    where a.Index != b.Index
                    select (
                        Apart: a.Item.Value - b.Item.Value,
                        Square: a.Item.Up * a.Item.Up + b.Item.Down * b.Item.Down
                    )
                ).ToArray()
            )
            .ToArray();
        if (largest)
            return pairs.Max(row => row.Max(p => p.Apart + _errors * Math.Sqrt(p.Square)));
        // The pairs whose sum could be largest: each as it adds most, given the errors of all.
        var (best, slope) = (double.NegativeInfinity, 0.0);
        while (true)
        {
            var chosen = pairs.Select(row => row.MaxBy(p => p.Apart + slope * p.Square)).ToArray();
            var error = Math.Sqrt(chosen.Sum(p => p.Square));
            var sum = chosen.Sum(p => p.Apart) + _errors * error;
            if (!(sum > best + Accuracy * error))
                return best / rows.Length;
            (best, slope) = (sum, _errors / (2 * error));
        }
    }

    // By how much the squared way to the nearest values no farther apart than v is longer than chance makes it.
    private double Excess(double v)
    {
        var (way, planes) = largest ? NearestByLargest(v) : NearestByMean(v * rows.Length);
        return way - ChiSquared.InvCDF(Math.Max(1, planes), planes > 1 ? confidence : 1 - Missed(v));
    }

    // How often the test of a single pair may err: of the highest and lowest level alone it is known how often chance
    // contradicts v on either side.
    private double Missed(double v)
    {
        var missed = 1 - confidence;
        if (!largest)
            return missed;
        var (within, nearer) = (1.0, 1.0);
        foreach (var row in rows)
        {
            var (top, bottom) = (row.MaxBy(e => e.Value), row.MinBy(e => e.Value));
            var error = Math.Sqrt(top.Down * top.Down + bottom.Up * bottom.Up);
            var (apart, most) = (Math.Min(v, top.Value - bottom.Value) / error, v / error);
            within *= Normal.CDF(0, 1, most - apart) - Normal.CDF(0, 1, -most - apart);
            nearer *=
                most <= _errors
                    ? 0
                    : Normal.CDF(0, 1, most - _errors - apart) - Normal.CDF(0, 1, _errors - most - apart);
        }

        return Math.Min(missed * Single, (missed - nearer) / (1 - within));
    }

    private (double Way, int Planes) NearestByLargest(double v)
    {
        var (way, planes) = (0.0, 0);
        foreach (var row in rows.Where(r => Range(r) > v))
        {
            var bottom = Window(row, v);
            var (length, outside) = Way(row, bottom, bottom + v);
            (way, planes) = (way + length, planes + (v == 0 ? row.Length : outside) - 1);
        }

        return (way, planes);
    }

    // Both ends of every row are pulled inwards with the same force.
    private (double Way, int Planes) NearestByMean(double sum)
    {
        var most = 1.0;
        while (IsWide(most) && most < 1e30)
            most *= 4;
        var (_, force) = Halve(0, most, IsWide);
        var (way, planes, open) = (0.0, 0, 0);
        foreach (var (row, ends) in rows.Zip(Pulled(force)))
        {
            var (length, outside) = Way(row, ends.Bottom, ends.Top);
            way += length;
            if (ends.Top > ends.Bottom)
                (planes, open) = (planes + outside - 2, 1);
            else
                planes += row.Length - 1;
        }

        return (way, planes + open);

        bool IsWide(double force) => Pulled(force).Sum(e => e.Top - e.Bottom) > sum;

        (double Bottom, double Top)[] Pulled(double force) =>
            [
                .. rows.Select(row =>
                {
                    var (low, high) = (row.Min(e => e.Value), row.Max(e => e.Value));
                    var (bottom, _) = Halve(low, high, at => -Pull(row, at, double.PositiveInfinity) <= force);
                    var (_, top) = Halve(low, high, at => Pull(row, double.NegativeInfinity, at) > force);
                    if (bottom < top)
                        return (bottom, top);
                    var all = Window(row, 0);
                    return (all, all);
                }),
            ];
    }

    // Lower end of the range of that width which the values of a row have the shortest way into.
    private static double Window(Estimate[] row, double width) =>
        Halve(row.Min(e => e.Value), row.Max(e => e.Value) - width, at => Pull(row, at, at + width) > 0).Low;

    // The last place at which something still is so, and the first at which it is not.
    private static (double Low, double High) Halve(double low, double high, Func<double, bool> still)
    {
        for (var i = 0; i < Halvings; i++)
        {
            var middle = (low + high) / 2;
            if (still(middle))
                low = middle;
            else
                high = middle;
        }

        return (low, high);
    }

    // Force with which values outside pull at both ends, upwards.
    private static double Pull(Estimate[] row, double bottom, double top)
    {
        var pull = 0.0;
        foreach (var e in row)
            pull +=
                e.Value > top ? (e.Value - top) / (e.Down * e.Down)
                : e.Value < bottom ? (e.Value - bottom) / (e.Up * e.Up)
                : 0;
        return pull;
    }

    // Squared, in standard errors, and how many values have to move.
    private static (double Length, int Outside) Way(Estimate[] row, double bottom, double top)
    {
        var (length, outside) = (0.0, 0);
        foreach (var e in row)
        {
            var errors =
                e.Value > top ? (e.Value - top) / e.Down
                : e.Value < bottom ? (bottom - e.Value) / e.Up
                : 0;
            (length, outside) = (length + errors * errors, outside + (errors > 0 ? 1 : 0));
        }

        return (length, outside);
    }

    private static double Range(Estimate[] row) => row.Max(e => e.Value) - row.Min(e => e.Value);
}
