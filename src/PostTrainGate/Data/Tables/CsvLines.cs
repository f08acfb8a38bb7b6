namespace PostTrainGate.Data;

/// <summary>The line on which each row of a CSV file begins: rows may be of several lines, and lines may be empty.</summary>
internal sealed class CsvLines
{
    private const long MostBytes = 1L << 28;

    // From that row on, lines are so many more than rows; only where that changes.
    private readonly List<(int Row, int More)> _steps = [];

    private CsvLines() { }

    /// <summary>Rows, less the header.</summary>
    public int Rows { get; private set; }

    /// <summary>The line of a row, both counted as the file shows them: the header is line 1.</summary>
    public int this[int row]
    {
        get
        {
            var (from, to) = (0, _steps.Count);
            while (to - from > 1)
            {
                var middle = (from + to) / 2;
                if (_steps[middle].Row <= row)
                    from = middle;
                else
                    to = middle;
            }

            return row + _steps[from].More;
        }
    }

    /// <summary>Reads a file; null where it is too large or cannot be read line by line.</summary>
    public static CsvLines? TryRead(string file)
    {
        try
        {
            using var stream = CsvShape.Open(file);
            return stream is null ? null : Read(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return null;
        }
    }

    private static CsvLines? Read(Stream stream)
    {
        var lines = new CsvLines { Rows = -1 }; // the header is none
        var (line, first, quoted, isEmpty) = (1, 1, false, true);
        var buffer = new byte[1 << 16];
        for (long seen = 0; seen <= MostBytes; )
        {
            var count = stream.Read(buffer);
            seen += count;
            foreach (var b in buffer.AsSpan(0, count))
            {
                if (b == '"')
                    quoted = !quoted;
                isEmpty &= b is (byte)'\n' or (byte)'\r';
                if (b != '\n')
                    continue;
                line++;
                if (quoted)
                    continue;
                if (!isEmpty)
                    lines.Add(first);
                (first, isEmpty) = (line, true);
            }

            if (count > 0)
                continue;
            if (!isEmpty)
                lines.Add(first);
            return lines.Rows > 0 ? lines : null;
        }

        return null;
    }

    private void Add(int line)
    {
        var more = line - Rows;
        if (Rows >= 0 && (_steps.Count == 0 || _steps[^1].More != more))
            _steps.Add((Rows, more));
        Rows++;
    }
}
