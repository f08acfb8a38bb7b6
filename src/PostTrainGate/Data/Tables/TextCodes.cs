using System.Text;
using Apache.Arrow;

namespace PostTrainGate.Data;

/// <summary>Collects the distinct values of a column of text, and which of them each row has.</summary>
/// <param name="rows">Number of rows.</param>
/// <param name="most">Most distinct values; a column with more has no codes.</param>
internal sealed class TextCodes(int rows, int most)
{
    private readonly Dictionary<string, int> _found = new(StringComparer.Ordinal);
    private int[]? _index = new int[rows];

    /// <summary>
    /// The values in the order of their code points, and per row the index of its value, -1 where it is missing.
    /// </summary>
    public Codes Codes
    {
        get
        {
            var byPoints = _found.Select(f => (f.Key, f.Value, Points: Encoding.UTF8.GetBytes(f.Key))).ToArray();
            System.Array.Sort(byPoints, (a, b) => a.Points.AsSpan().SequenceCompareTo(b.Points));
            var place = new int[byPoints.Length];
            for (var i = 0; i < byPoints.Length; i++)
                place[byPoints[i].Value] = i;
            return new(
                [.. byPoints.Select(v => v.Key)],
                _index is null ? null : [.. _index.Select(i => i < 0 ? -1 : place[i])]
            );
        }
    }

    /// <summary>Adds the values of some rows.</summary>
    public void Add(int from, StringArray values)
    {
        if (_index is null)
            return;
        var known = _found.GetAlternateLookup<ReadOnlySpan<char>>();
        Span<char> text = stackalloc char[256];
        for (var i = 0; i < values.Length; i++)
        {
            var bytes = values.GetBytes(i, out var isNull);
            if (isNull)
            {
                _index[from + i] = -1;
                continue;
            }

            var chars =
                bytes.Length <= text.Length
                    ? text[..Encoding.UTF8.GetChars(bytes, text)]
                    : Encoding.UTF8.GetString(bytes).AsSpan();
            if (known.TryGetValue(chars, out var index))
            {
                _index[from + i] = index;
                continue;
            }

            _index[from + i] = _found.Count;
            _found.Add(chars.ToString(), _found.Count);
            if (_found.Count > most)
            {
                _index = null;
                return;
            }
        }
    }
}
