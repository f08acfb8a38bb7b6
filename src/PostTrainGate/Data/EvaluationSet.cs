using System.Collections.Immutable;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>
/// Inputs, labels and group memberships of some rows. Immutable; <see cref="Take"/> makes smaller ones.
/// </summary>
public sealed class EvaluationSet : IDisposable
{
    private readonly Dictionary<object, object> _found = [];
    private ImmutableArray<int> _incomplete;
    private int[]? _rows;
    private readonly StoredInputs? _stored;
    private Tensor? _inputs;

    /// <summary>Takes ownership of the tensors.</summary>
    public EvaluationSet(
        Tensor inputs,
        Tensor labels,
        ImmutableArray<string> classNames,
        ImmutableDictionary<string, GroupColumn> groups,
        FeatureLayout? layout,
        int favorable
    )
        : this(inputs, null, labels, classNames, groups, layout, favorable) { }

    /// <summary>
    /// Inputs as numbers, or stored, which become numbers when they are needed; takes ownership of them and the labels.
    /// </summary>
    internal EvaluationSet(
        Tensor? inputs,
        StoredInputs? stored,
        Tensor labels,
        ImmutableArray<string> classNames,
        ImmutableDictionary<string, GroupColumn> groups,
        FeatureLayout? layout,
        int favorable
    )
    {
        (_inputs, _stored, Labels) = (inputs?.DetachFromDisposeScope(), stored, labels.DetachFromDisposeScope());
        (ClassNames, Groups, Layout, Favorable) = (classNames, groups, layout, favorable);
        LabelValues = [.. labels.data<long>().Select(y => (int)y)];
    }

    /// <summary>
    /// [n, input shape], float32, in the data's units. Images are four times as large as in their files: whoever needs
    /// some of many rows takes those alone.
    /// </summary>
    public Tensor Inputs
    {
        get
        {
            lock (_found)
                return _inputs ??= _stored!.Values(0, Count).DetachFromDisposeScope();
        }
    }

    /// <summary>Some rows of the inputs in a row: [count, input shape], float32; the caller disposes it.</summary>
    internal Tensor InputsOf(long start, long count) =>
        _inputs?.narrow(0, start, count) ?? _stored!.Values(start, count);

    /// <summary>Whether the inputs stand as bytes alone.</summary>
    internal bool IsCompact => _inputs is null;

    /// <summary>Shape of a row's input.</summary>
    internal long[] InputShape => (_inputs?.shape ?? _stored!.Shape)[1..];

    /// <summary>Number of values of a row's input.</summary>
    internal long InputSize => InputShape.Aggregate(1L, (all, size) => all * size);

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
                Count == 0 || _stored is not null
                    ? []
                    : [.. Inputs.isnan().flatten(1).any(1).nonzero().data<long>().Select(r => (int)r)];
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

    /// <summary>
    /// What is costly to find in these rows, whichever the model, such as their neighbors: found at the first request
    /// for that key.
    /// </summary>
    internal T Once<T>(object key, Func<T> find)
        where T : class
    {
        lock (_found)
        {
            if (!_found.TryGetValue(key, out var value))
                _found[key] = value = find();
            return (T)value;
        }
    }

    /// <summary>The place that a row has in the split.</summary>
    public int PlaceOf(int row) => _rows is null ? row : _rows[row];

    /// <summary>
    /// Where a row stands in the data, for people: <c>german.csv, line 17</c>; of rows that were read from nowhere their
    /// place in the split.
    /// </summary>
    internal string PlaceInData(int row) =>
        Places is var (places, rows) ? places[rows[row]] : $"row {PlaceOf(row)} of the split";

    /// <summary>Places of the rows of all splits, and which of those these are.</summary>
    internal (RowPlaces All, int[] Rows)? Places { get; init; }

    /// <summary>The chosen rows, in the order given; the caller disposes it.</summary>
    public EvaluationSet Take(ReadOnlySpan<int> rows)
    {
        using var scope = NewDisposeScope();
        var index = tensor(rows.ToArray().Select(r => (long)r).ToArray());
        var chosen = rows.ToArray();
        var labels = Labels.index_select(0, index);
        var groups = Groups.ToImmutableDictionary(g => g.Key, g => g.Value.Take(chosen));
        var inputs = _stored is null ? Inputs.index_select(0, index) : null;
        return new(inputs, _stored?.Take(index), labels, ClassNames, groups, Layout, Favorable)
        {
            Places = Places is var (all, places) ? (all, [.. chosen.Select(row => places[row])]) : null,
        };
    }

    /// <summary>These rows and then those of another set of the same data; the caller disposes it.</summary>
    internal EvaluationSet And(EvaluationSet other)
    {
        using var scope = NewDisposeScope();
        return new EvaluationSet(
            cat([Inputs, other.Inputs]),
            cat([Labels, other.Labels]),
            ClassNames,
            Groups.ToImmutableDictionary(g => g.Key, g => g.Value.And(other.Groups[g.Key])),
            Layout,
            Favorable
        );
    }

    /// <summary>The same rows with other inputs, which it owns; rows that lack a value still do.</summary>
    internal EvaluationSet WithInputs(Tensor inputs) =>
        new(inputs, Labels.clone(), ClassNames, Groups, null, Favorable)
        {
            _incomplete = IncompleteRows,
            Places = Places,
        };

    /// <summary>
    /// The same rows with their classes in another order, which may name more of them; takes over the inputs.
    /// </summary>
    internal EvaluationSet WithClasses(ImmutableArray<string> names, IReadOnlyList<int> places)
    {
        using var old = Labels;
        var labels = tensor(LabelValues.Select(y => (long)places[y]).ToArray());
        return new(_inputs, _stored, labels, names, Groups, Layout, places[Favorable]) { Places = Places };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _inputs?.Dispose();
        _stored?.Dispose();
        Labels.Dispose();
    }
}
