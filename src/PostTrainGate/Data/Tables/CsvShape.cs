using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Unicode;

namespace PostTrainGate.Data;

/// <summary>
/// Looks at a CSV file line by line, to say where it is out of shape. DuckDB tries one reading after the other and
/// tells of none why it fails, or takes a file with one bad line for one of a single column.
/// </summary>
internal static class CsvShape
{
    private const int LongestLine = 2_000_000; // DuckDB's own bound
    private const long MostBytes = 1L << 28;

    /// <summary>What may set values apart.</summary>
    public static readonly char[] Delimiters = [',', ';', '\t', '|'];

    /// <summary>Whether a file is called CSV or TSV, compressed or not.</summary>
    public static bool Is(string file)
    {
        var name = file.ToLowerInvariant();
        if (Path.GetExtension(name) is ".gz" or ".zst")
            name = Path.GetFileNameWithoutExtension(name);
        return Path.GetExtension(name) is ".csv" or ".tsv";
    }

    /// <summary>
    /// How values are set apart, as options of DuckDB, where the first line leaves no doubt and is so wide that trying
    /// every way would take seconds; else empty.
    /// </summary>
    public static string WideDialect(string file)
    {
        const int wide = 500;
        if (Header(file) is not (1, var first) || first.Contains('\'') || first.Contains('"'))
            return "";
        var found = Delimiters.Where(first.Contains).ToArray();
        return found is [var only] && first.Count(c => c == only) >= wide
            ? $", delim = '{only}', quote = '\"', escape = '\"'"
            : "";
    }

    /// <summary>
    /// The first line that holds something, and its number; a value of several lines makes it longer. Null where there
    /// is none, or it cannot be read: that is told where the rows are.
    /// </summary>
    public static (int Line, string Text)? Header(string file)
    {
        try
        {
            using var stream = Open(file);
            if (stream is null)
                return null;
            var record = new Record();
            var buffer = new byte[1 << 14];
            while (stream.Read(buffer) is > 0 and var count)
            {
                foreach (var b in buffer.AsSpan(0, count))
                {
                    if (!record.Add(b))
                        continue;
                    if (record.Length > 0)
                        return Found();
                    record.Next();
                }

                if (record.Length > LongestLine)
                    return null;
            }

            return record.Length > 0 ? Found() : null;

            (int, string) Found() => (record.Line, Encoding.UTF8.GetString(record.Bytes).TrimStart('\uFEFF'));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>
    /// What is wrong with the first bad line, in words; null where nothing is, or nothing can be seen.
    /// </summary>
    public static string? Fault(string file)
    {
        try
        {
            using var stream = Open(file);
            return stream is null ? null : Fault(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return null;
        }
    }

    private static string? Fault(Stream stream)
    {
        var record = new Record();
        var header = (Line: 0, Counts: Array.Empty<int>(), HasReturn: false);
        var buffer = new byte[1 << 14];
        for (long seen = 0; seen < MostBytes; )
        {
            var count = stream.Read(buffer);
            if (seen == 0 && count > 1 && buffer is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
                return "it is UTF-16; save it as UTF-8";
            seen += count;
            foreach (var b in buffer.AsSpan(0, count))
            {
                if (!record.Add(b))
                    continue;
                if (Check(record, ref header) is { } fault)
                    return fault;
                if (record.Length > 0 && record.HasReturn != header.HasReturn)
                    return $"line {Line(header.Line)} ends in {End(header.HasReturn)} and line {Line(record.Line)} in "
                        + $"{End(record.HasReturn)}; save the file with one kind of line ends";
                record.Next();
            }

            if (record.Length > LongestLine)
                return $"line {Line(record.Line)} is longer than {LongestLine} bytes";
            if (count == 0)
                return Check(record, ref header);
        }

        return null;
    }

    private static string End(bool hasReturn) => hasReturn ? "CR LF" : "LF";

    private static string? Check(Record record, ref (int Line, int[] Counts, bool HasReturn) header)
    {
        if (record.Length == 0)
            return null;
        if (!Utf8.IsValid(record.Bytes))
            return $"line {Line(record.Line)} is not UTF-8; save the file as UTF-8";
        var counts = Delimiters.Select(record.Count).ToArray();
        if (header.Line == 0)
        {
            if (record.Bytes.Contains((byte)'\n'))
                return $"the header in line {Line(record.Line)} has a column name of several lines; write it on one";
            header = (record.Line, counts, record.HasReturn);
            return null;
        }

        var most = header.Counts.Max();
        if (most == 0)
        {
            return counts.Max() == 0
                ? null
                : $"line {Line(header.Line)} has 1 value and line {Line(record.Line)} has {counts.Max() + 1}; "
                    + "the first line must hold the column names, with no title above it";
        }

        var at = Array.IndexOf(header.Counts, most);
        return counts[at] == most
            ? null
            : $"line {Line(record.Line)} has {Values(counts[at] + 1)}, but the header in line {Line(header.Line)} has "
                + $"{most + 1}; quote values that contain '{(Delimiters[at] == '\t' ? "\\t" : $"{Delimiters[at]}")}'";
    }

    private static string Values(int count) => count == 1 ? "1 value" : $"{count} values";

    private static string Line(int line) => line.ToString(CultureInfo.InvariantCulture);

    /// <summary>The bytes of a file, unpacked; null where it is packed in a way that only DuckDB reads.</summary>
    public static Stream? Open(string file) =>
        Path.GetExtension(file).ToLowerInvariant() switch
        {
            ".gz" => new GZipStream(File.OpenRead(file), CompressionMode.Decompress),
            ".zst" => null,
            _ => File.OpenRead(file),
        };

    /// <summary>One row, which may be of several lines where a value is in quotes.</summary>
    private sealed class Record
    {
        private byte[] _bytes = new byte[1 << 12];
        private readonly int[] _counts = new int[128];
        private bool _quoted;
        private int _lines;

        public int Line { get; private set; } = 1;

        public int Length { get; private set; }

        /// <summary>Whether a return stood last, before the line's end.</summary>
        public bool HasReturn { get; private set; }

        public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

        public int Count(char sign) => _counts[sign];

        /// <summary>Adds a byte; whether it ends the row.</summary>
        public bool Add(byte b)
        {
            if (b == '\n')
            {
                _lines++;
                if (!_quoted)
                    return true;
            }

            HasReturn = b == '\r';
            if (HasReturn)
                return false;
            if (b == '"')
                _quoted = !_quoted;
            else if (!_quoted && b < 128)
                _counts[b]++;
            if (Length == _bytes.Length)
                Array.Resize(ref _bytes, 2 * Length);
            _bytes[Length++] = b;
            return false;
        }

        public void Next()
        {
            (Length, Line, _lines, _quoted, HasReturn) = (0, Line + _lines, 0, false, false);
            Array.Clear(_counts);
        }
    }
}
