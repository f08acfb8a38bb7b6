using System.Collections.Immutable;
using PostTrainGate.Foundation;

namespace PostTrainGate.Data;

/// <summary>How columns of the data became columns of the input: one block each, side by side.</summary>
/// <param name="Columns">In input order.</param>
public sealed record FeatureLayout(ImmutableArray<FeatureColumn> Columns)
{
    /// <summary>Width of an input.</summary>
    public int Width => Columns.Sum(c => c.Width);

    /// <summary>The columns in words, for messages: <c> (age, job: 3 categories)</c>.</summary>
    public string Described
    {
        get
        {
            const int most = 12;
            var named = Columns
                .Take(most)
                .Select(c =>
                    c.Categories.Length == 0
                        ? Wording.Plain(c.Name, 40)
                        : $"{Wording.Plain(c.Name, 40)}: "
                            + $"{c.Categories.Length} {(c.Categories.Length == 1 ? "category" : "categories")}"
                );
            var more = Columns.Length > most ? $" and {Columns.Length - most} more" : "";
            return $" ({string.Join(", ", named)}{more})";
        }
    }

    /// <summary>The column of that name, or null.</summary>
    public FeatureColumn? Find(string name) => Columns.FirstOrDefault(c => c.Name == name);

    /// <summary>
    /// The layout of a matrix that is encoded already, from the names of its columns: neighbors named
    /// <c>feature=value</c> with the same feature are one block, any other column is a number.
    /// </summary>
    /// <exception cref="ArgumentException">A feature stands in two places.</exception>
    public static FeatureLayout FromNames(IReadOnlyList<string> columnNames)
    {
        List<FeatureColumn> columns = [];
        for (var i = 0; i < columnNames.Count; )
        {
            var (start, (feature, category)) = (i++, Split(columnNames[i - 1]));
            List<string> categories = category is null ? [] : [category];
            while (
                category is not null
                && i < columnNames.Count
                && Split(columnNames[i]) is (var next, { } further)
                && next == feature
            )
            {
                categories.Add(further);
                i++;
            }

            if (columns.Any(c => c.Name == feature))
                throw new ArgumentException($"The columns of '{feature}' are not side by side.", nameof(columnNames));
            columns.Add(new(feature, start, [.. categories]));
        }

        return new([.. columns]);

        static (string Feature, string? Category) Split(string name) =>
            name.IndexOf('=', StringComparison.Ordinal) is >= 0 and var at
                ? (name[..at], name[(at + 1)..])
                : (name, null);
    }
}

/// <summary>One column of the data and the block of input columns it became.</summary>
/// <param name="Name">Column of the data.</param>
/// <param name="Start">First input column.</param>
/// <param name="Categories">Values of a one-hot block in order; empty for a numeric column (one input column).</param>
/// <param name="Offset">Subtracted from a numeric value.</param>
/// <param name="Divisor">Then divided by.</param>
public sealed record FeatureColumn(
    string Name,
    int Start,
    ImmutableArray<string> Categories,
    double Offset = 0,
    double Divisor = 1
)
{
    /// <summary>Number of input columns.</summary>
    public int Width => Math.Max(1, Categories.Length);

    /// <summary>What numbers a numeric column holds.</summary>
    public ColumnNumbers Numbers { get; init; }

    /// <summary>Smallest number seen in the rows that the column was fitted on, before offset and divisor.</summary>
    public double Lowest { get; init; } = double.NegativeInfinity;

    /// <summary>Largest number seen there.</summary>
    public double Highest { get; init; } = double.PositiveInfinity;

    /// <summary>Number of rows, of all splits, that have no value here.</summary>
    public int Missing { get; init; }

    /// <summary>Whether no attack that keeps the form of rows may change it.</summary>
    public bool Immutable { get; init; }

    /// <summary>The same column with what can be seen of its numbers.</summary>
    /// <param name="numbers">Numbers of the rows it is fitted on, before offset and divisor.</param>
    internal FeatureColumn Seen(IEnumerable<double> numbers)
    {
        var (lowest, highest, whole, two) = (double.PositiveInfinity, double.NegativeInfinity, true, true);
        var (first, second) = (double.NaN, double.NaN);
        foreach (var number in numbers)
        {
            (lowest, highest, whole) = (
                Math.Min(lowest, number),
                Math.Max(highest, number),
                whole && number == Math.Floor(number)
            );
            if (double.IsNaN(first))
                first = number;
            else if (number != first && double.IsNaN(second))
                second = number;
            else
                two &= number == first || number == second;
        }

        if (lowest > highest)
            return this;
        var kind =
            two && !double.IsNaN(second) ? ColumnNumbers.Two
            : whole ? ColumnNumbers.Whole
            : ColumnNumbers.Any;
        return this with { Lowest = lowest, Highest = highest, Numbers = kind };
    }

    /// <summary>A number as the input holds it.</summary>
    internal float Encode(double number) => (float)((number - Offset) / Divisor);

    /// <summary>The number that an input stands for.</summary>
    internal double Decode(float input)
    {
        var number = input * Divisor + Offset;
        return Numbers == ColumnNumbers.Whole ? Math.Round(number) : number;
    }
}

/// <summary>What numbers a numeric column holds.</summary>
public enum ColumnNumbers
{
    /// <summary>Any.</summary>
    Any,

    /// <summary>Whole ones.</summary>
    Whole,

    /// <summary>Two different ones, such as false and true.</summary>
    Two,
}
