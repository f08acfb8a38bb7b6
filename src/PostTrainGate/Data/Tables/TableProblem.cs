using System.Data.Common;
using System.Text.RegularExpressions;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>Faults of tables, in DuckDB's words where there are no better ones.</summary>
internal static partial class TableProblem
{
    // What follows is for those who write statements of SQL.
    private static readonly string[] Ends =
    [
        "Possible ",
        "Potential ",
        "LINE ",
        "file =",
        "The search space",
        "This type was",
    ];

    /// <summary>
    /// The whole reason in one line, without advice that cannot be followed here and without folders.
    /// </summary>
    public static string Reason(DbException e, IEnumerable<string>? files = null)
    {
        var lines = e
            .Message.Split('\n')
            .Select(l => l.Split(" Try increasing", 2)[0].Trim().TrimEnd('.'))
            .TakeWhile(l => !Ends.Any(end => l.StartsWith(end, StringComparison.Ordinal)))
            .Where(l => l.Length > 0);
        var reason = string.Join(". ", lines);
        var read = (files ?? []).ToArray();
        foreach (var folder in read.Select(f => Path.GetDirectoryName(f) + "/").Distinct())
            reason = reason.Replace(folder, "", StringComparison.Ordinal);
        if (LacksColumn().Match(reason) is { Success: true } lacks)
            return $"{lacks.Groups["file"]} has no column {Wording.Quote(lacks.Groups["column"].Value)}, "
                + $"which {lacks.Groups["main"]} has";
        return read.Length > 1 && OtherType().Match(reason) is { Success: true } other
            ? $"{other.Groups["file"]} has the column {Wording.Quote(other.Groups["column"].Value)} as "
                + $"{other.Groups["type"]}, but {Path.GetFileName(read[0])} as {other.Groups["wanted"]}"
            : reason;
    }

    // Of CSV, and of Parquet.

    [GeneratedRegex(
        """Main file schema: (?<main>.+?)\. Current file: (?<file>.+?)\. Column with name: "(?<column>.+)" is"""
            + "|"
            + """file "(?<file>.+?)": schema mismatch in glob: column "(?<column>.+)" was read from .+? "(?<main>.+?)","""
    )]
    private static partial Regex LacksColumn();

    [GeneratedRegex(
        """file "(?<file>.+?)": failed to cast column "(?<column>.+)" from type (?<type>.+?) to (?<wanted>.+?): """
    )]
    private static partial Regex OtherType();

    /// <summary>The error for a source that DuckDB does not read.</summary>
    public static GateException Unreadable(PolicyPath source, DbException e) =>
        new(Error(source, Shape(source) ?? Reason(e, source.Files)), e);

    /// <summary>
    /// The error for a source that is one column where it should be several; null where it may be one.
    /// </summary>
    public static GateException? OneColumn(PolicyPath source) =>
        Shape(source) is { } why ? new(Error(source, why)) : null;

    private static Diagnostic Error(PolicyPath source, string why) =>
        new(
            DiagnosticCodes.DataUnreadable,
            $"{Wording.Quote(source.Text)} cannot be read: {why.TrimEnd('.')}.",
            source.Position
        );

    // Where the first file that is out of shape is so.
    private static string? Shape(PolicyPath source)
    {
        foreach (var file in source.Files.Where(CsvShape.Is))
            if (CsvShape.Fault(file) is { } why)
                return Named(source, file, why);
        return null;
    }

    private static string Named(PolicyPath source, string file, string why) =>
        source.Files.Length == 1 ? why : $"in {Wording.Quote(Path.GetFileName(file))}, {why}";
}
