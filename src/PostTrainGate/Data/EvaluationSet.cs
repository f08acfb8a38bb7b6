using System.Collections.Immutable;
using PostTrainGate.Foundation;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>
/// Inputs, labels and group memberships of some rows. Immutable; <see cref="Take"/> makes smaller ones.
/// </summary>
public sealed class EvaluationSet : IDisposable
{
    private ImmutableArray<int> _incomplete;
    private int[]? _rows;

    /// <summary>Takes ownership of the tensors.</summary>
    public EvaluationSet(
        Tensor inputs,
        Tensor labels,
        ImmutableArray<string> classNames,
        ImmutableDictionary<string, GroupColumn> groups,
        FeatureLayout? layout,
        int favorable
    )
    {
        (Inputs, Labels) = (inputs.DetachFromDisposeScope(), labels.DetachFromDisposeScope());
        (ClassNames, Groups, Layout, Favorable) = (classNames, groups, layout, favorable);
        LabelValues = [.. labels.data<long>().Select(y => (int)y)];
    }

    /// <summary>[n, input shape], float32, in the data's units.</summary>
    public Tensor Inputs { get; }

    /// <summary>[n], int64, class index.</summary>
    public Tensor Labels { get; }

    /// <summary>The labels again, as plain numbers.</summary>
    public ImmutableArray<int> LabelValues { get; }

    /// <summary>Label text of each class index.</summary>
    public ImmutableArray<string> ClassNames { get; }

    /// <summary>Class index that counts as the favorable outcome.</summary>
    public int Favorable { get; }

    /// <summary>Group memberships by group name.</summary>
    public ImmutableDictionary<string, GroupColumn> Groups { get; }

    /// <summary>Which input columns belong together; null for images and bare tensors.</summary>
    public FeatureLayout? Layout { get; }

    /// <summary>Number of rows.</summary>
    public int Count => LabelValues.Length;

    /// <summary>Rows that lack a value: an input is NaN there. Ascending.</summary>
    public ImmutableArray<int> IncompleteRows
    {
        get
        {
            if (!_incomplete.IsDefault)
                return _incomplete;
            using var scope = NewDisposeScope();
            return _incomplete =
                Count == 0 ? [] : [.. Inputs.isnan().flatten(1).any(1).nonzero().data<long>().Select(r => (int)r)];
        }
    }

    /// <summary>The rows that lack no value, or null where all are such; the caller disposes it.</summary>
    public EvaluationSet? Complete()
    {
        if (IncompleteRows.IsEmpty)
            return null;
        int[] rows = [.. Enumerable.Range(0, Count).Except(IncompleteRows)];
        var complete = Take(rows);
        complete._rows = rows;
        return complete;
    }

    /// <summary>The place that a row has in the split, for people.</summary>
    public int PlaceOf(int row) => _rows is null ? row : _rows[row];

    /// <summary>The chosen rows, in the order given; the caller disposes it.</summary>
    public EvaluationSet Take(ReadOnlySpan<int> rows)
    {
        using var scope = NewDisposeScope();
        var index = tensor(rows.ToArray().Select(r => (long)r).ToArray());
        var chosen = rows.ToArray();
        return new EvaluationSet(
            Inputs.index_select(0, index),
            Labels.index_select(0, index),
            ClassNames,
            Groups.ToImmutableDictionary(g => g.Key, g => g.Value.Take(chosen)),
            Layout,
            Favorable
        );
    }

    /// <summary>
    /// The same rows with their classes in another order, which may name more of them; takes over the inputs.
    /// </summary>
    internal EvaluationSet WithClasses(ImmutableArray<string> names, IReadOnlyList<int> places)
    {
        using var old = Labels;
        return new(
            Inputs,
            tensor(LabelValues.Select(y => (long)places[y]).ToArray()),
            names,
            Groups,
            Layout,
            places[Favorable]
        );
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Inputs.Dispose();
        Labels.Dispose();
    }
}

/// <summary>The three disjoint splits of a policy.</summary>
/// <param name="Repair">Rows a repair may learn from.</param>
/// <param name="Select">Rows candidates are chosen on.</param>
/// <param name="Test">Rows measured once, for the report.</param>
public sealed record DataSplits(EvaluationSet Repair, EvaluationSet Select, EvaluationSet Test) : IDisposable
{
    /// <summary>The same splits with their classes in another order; takes over the rows.</summary>
    internal DataSplits WithClasses(ImmutableArray<string> names, IReadOnlyList<int> places) =>
        this with
        {
            Repair = Repair.WithClasses(names, places),
            Select = Select.WithClasses(names, places),
            Test = Test.WithClasses(names, places),
        };

    /// <summary>What a reader of the result should know about the data; none is an error.</summary>
    public ImmutableArray<Diagnostic> Diagnostics { get; init; } = [];

    /// <inheritdoc/>
    public void Dispose()
    {
        Repair.Dispose();
        Select.Dispose();
        Test.Dispose();
    }
}

/// <summary>Which group each row belongs to.</summary>
/// <param name="Name">Name of the group in the policy.</param>
/// <param name="Levels">
/// Names of the levels, such as <c>female</c>, <c>male</c>; of a condition: <c>false</c>, <c>true</c>.
/// </param>
/// <param name="LevelOf">Per row the index of its level; -1 where the value is missing.</param>
/// <param name="Privileged">
/// Index of the privileged level, everything else being unprivileged; null: levels stand side by side.
/// </param>
/// <param name="SourceColumns">Columns of the data that the group is made of.</param>
public sealed record GroupColumn(
    string Name,
    ImmutableArray<string> Levels,
    ImmutableArray<int> LevelOf,
    int? Privileged,
    ImmutableArray<string> SourceColumns
)
{
    /// <summary>Columns that depend on the group's and change with them in a counterfactual.</summary>
    public ImmutableArray<string> Dependent { get; init; } = [];

    /// <summary>Fewest rows that a rate of a level may rest on.</summary>
    public int MinCount { get; init; } = 1;

    /// <summary>The level that a row is counted in; negative: in none.</summary>
    internal static int CountedLevel(GroupColumn? group, int row) =>
        group switch
        {
            null => 0,
            { Privileged: { } privileged } => group.LevelOf[row] < 0 ? -1
            : group.LevelOf[row] == privileged ? 1
            : 0,
            _ => group.LevelOf[row],
        };

    /// <summary>The same for the chosen rows.</summary>
    public GroupColumn Take(int[] rows) => this with { LevelOf = [.. rows.Select(r => LevelOf[r])] };
}

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
