using System.Globalization;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>
/// Where a row stands in the files of the data, as a person finds it there: the line of a CSV, the record of another
/// table, the index of an array, or the image. Files are looked at only when a place is asked for.
/// </summary>
/// <param name="source">The data.</param>
/// <param name="folder">The policy's folder, which names of files start from.</param>
/// <param name="rows">Rows of all files.</param>
/// <param name="kept">Which of those are left; null: all.</param>
internal sealed class RowPlaces(PolicyPath source, string folder, int rows, int[]? kept)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, CsvLines?> _lines = [];
    private (string File, long Rows)[]? _counts;

    /// <summary>The place of a row that is left: <c>data/german.csv, line 17</c>.</summary>
    public string this[int row]
    {
        get
        {
            var record = kept is null ? row : kept[row];
            if (ImageReader.Reads(source.Files[0]))
                return Name(source.Files[record]);
            if (!Table.Reads(source.Files[0]))
                return $"{Name(source.Files[0])}, index {Whole(record)}";
            lock (_lock)
                return OfTable(record);
        }
    }

    private string OfTable(long record)
    {
        foreach (var (file, count) in _counts ??= Counts())
        {
            if (record < count)
            {
                return Lines(file, count) is { } lines
                    ? $"{Name(file)}, line {Whole(lines[(int)record])}"
                    : $"{Name(file)}, record {Whole(record + 1)}";
            }

            record -= count;
        }

        // The files are no longer those that were read.
        return $"{source.Text}, record {Whole(record + 1)}";
    }

    private (string File, long Rows)[] Counts()
    {
        if (source.Files.Length == 1)
            return [(source.Files[0], rows)];
        try
        {
            var counts = Table.RowsByFile(source);
            (string File, long Rows)[] all = [.. source.Files.Select(f => (f, counts.GetValueOrDefault(f)))];
            return all.Sum(c => c.Rows) == rows ? all : [];
        }
        catch (GateException)
        {
            return [];
        }
    }

    // Lines that do not add up to the rows that were read are no lines to send people to.
    private CsvLines? Lines(string file, long count)
    {
        if (!_lines.TryGetValue(file, out var lines))
            _lines[file] = lines =
                CsvShape.Is(file) && CsvLines.TryRead(file) is { } read && read.Rows == count ? read : null;
        return lines;
    }

    private string Name(string file) => Path.GetRelativePath(folder, file).Replace('\\', '/');

    private static string Whole(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
