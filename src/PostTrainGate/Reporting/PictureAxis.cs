using System.Collections.Immutable;

namespace PostTrainGate.Reporting;

/// <summary>One axis with round marks.</summary>
/// <param name="Low">Its beginning.</param>
/// <param name="High">Its end.</param>
/// <param name="Ticks">The marks, both ends included.</param>
internal sealed record PictureAxis(double Low, double High, ImmutableArray<double> Ticks)
{
    /// <summary>The axis that holds two values, with at most seven marks.</summary>
    public static PictureAxis Around(double low, double high)
    {
        var span = Math.Max(high - low, 0.01);
        var power = Math.Pow(10, Math.Floor(Math.Log10(span / 4)));
        var step = new[] { 1, 2, 5, 10 }.Select(m => m * power).First(s => span / s <= 5);
        var (first, last) = ((int)Math.Floor(low / step), (int)Math.Ceiling((low + span) / step));
        return new(first * step, last * step, [.. Enumerable.Range(first, last - first + 1).Select(i => i * step)]);
    }

    /// <summary>Where a value lies, from 0 at the beginning to 1 at the end.</summary>
    public double Share(double value) => Math.Clamp((value - Low) / (High - Low), 0, 1);
}
