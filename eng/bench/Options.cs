using System.Globalization;

namespace PostTrainGate.Bench;

/// <summary>Options of a benchmark, <c>--name value</c>; null where they are not given.</summary>
internal static class Options
{
    /// <summary>A text.</summary>
    public static string? Text(string[] args, string name) =>
        Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;

    /// <summary>A whole number.</summary>
    public static int? Count(string[] args, string name) =>
        Text(args, name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;

    /// <summary>A number.</summary>
    public static double? Number(string[] args, string name) =>
        Text(args, name) is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : null;
}
