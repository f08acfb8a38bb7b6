using MathNet.Numerics.RootFinding;

namespace PostTrainGate.Statistics;

/// <summary>Roots of functions that only rise or only fall.</summary>
internal static class RootFinding
{
    private const int Doublings = 40;

    /// <summary>Where a function is 0; the end nearer to it where it is 0 nowhere (Brent 1973).</summary>
    /// <param name="f">The function.</param>
    /// <param name="low">Lower end.</param>
    /// <param name="high">Upper end.</param>
    /// <param name="accuracy">Of the root, as a part of the range.</param>
    public static double Root(Func<double, double> f, double low, double high, double accuracy = 1e-9)
    {
        var (first, last) = (f(low), f(high));
        if (first == 0 || low == high)
            return low;
        if (last == 0)
            return high;
        if (first > 0 == last > 0)
            return Math.Abs(first) < Math.Abs(last) ? low : high;
        return Brent.FindRoot(f, low, high, accuracy * (high - low), 200);
    }

    /// <summary>
    /// Where a function that is positive at 0 ends to be, looked for in steps that double; null where it never does.
    /// </summary>
    /// <param name="f">The function.</param>
    /// <param name="step">The first step, of either sign.</param>
    /// <param name="accuracy">Of the root, as a part of the step that passes it.</param>
    public static double? End(Func<double, double> f, double step, double accuracy)
    {
        for (var i = 0; i < Doublings; i++, step *= 2)
            if (!(f(step) > 0))
                return step > 0 ? Root(f, 0, step, accuracy) : Root(f, step, 0, accuracy);
        return null;
    }
}
