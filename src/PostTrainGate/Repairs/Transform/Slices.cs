using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>What happens to biases under a slice.</summary>
public enum BiasMode
{
    /// <summary>All of the front's biases may change, as in the release of both methods.</summary>
    Free,

    /// <summary>Those of the units in the slice.</summary>
    Slice,

    /// <summary>None.</summary>
    Frozen,
}

/// <summary>Rules for which weights may change.</summary>
public static class Slices
{
    // Rows that show which weights read a column.
    private const int ReadRows = 32;

    /// <summary>Every weight of every layer.</summary>
    public static WeightSlice Everything(TransformContext context) =>
        new(All(context.Source, context.Source.Layers), "all weights");

    /// <summary>The same with the parameters of batch normalizations, for tuning as in training.</summary>
    internal static WeightSlice EverythingTrained(TransformContext context)
    {
        var (weights, normalizations) = (Everything(context), BatchMoments.Names(context.Source));
        return normalizations.Count == 0
            ? weights
            : new(
                weights.Masks.SetItems(normalizations.Select(n => KeyValuePair.Create(n, (Tensor?)null))),
                $"{weights.Description} and normalizations"
            );
    }

    /// <summary>Every weight up to the tapped layer (variants -s).</summary>
    public static WeightSlice Front(TransformContext context) =>
        new(All(context.Source, FrontLayers(context.Source, context.Tap)), "all weights up to the tapped layer");

    /// <summary>Every weight of the last layer: what reads the features, and changes none of them.</summary>
    public static WeightSlice Head(TransformContext context) =>
        new(All(context.Source, context.Source.Layers.TakeLast(1)), "weights of the last layer");

    /// <summary>Whether any layer reads columns that the groups are made of, before other layers mix them.</summary>
    internal static bool ReadsColumnsOf(IEnumerable<GroupColumn> groups, OnnxClassifier model, EvaluationSet data)
    {
        using var scope = NewDisposeScope();
        return ColumnWeights(groups, model, data).Count > 0;
    }

    /// <summary>
    /// The weights of the first layers that read the columns which groups are made of: few enough for small data.
    /// </summary>
    /// <param name="groups">The groups.</param>
    /// <param name="context">Model and rows.</param>
    /// <param name="biases">
    /// Whether biases may move too: without them a numeric column cannot lift its small values alone.
    /// </param>
    internal static WeightSlice ColumnsOf(
        IEnumerable<GroupColumn> groups,
        TransformContext context,
        bool biases = false
    )
    {
        var masks = ColumnWeights(groups, context.Source, context.Data);
        if (!biases)
            return new(masks, "weights that read the group's columns");
        foreach (var bias in context.Source.Layers.Select(l => l.Bias).OfType<string>().Distinct())
            masks = masks.SetItem(bias, null);
        return new(masks, "weights that read the group's columns, and biases");
    }

    // By weight, which of its values meet the columns.
    private static ImmutableSortedDictionary<string, Tensor?> ColumnWeights(
        IEnumerable<GroupColumn> groups,
        OnnxClassifier model,
        EvaluationSet data
    )
    {
        var masks = ImmutableSortedDictionary<string, Tensor?>.Empty;
        FeatureColumn[] columns =
        [
            .. groups.SelectMany(g => g.SourceColumns).Select(c => data.Layout?.Find(c)).OfType<FeatureColumn>(),
        ];
        if (columns.Length == 0 || data.Count == 0)
            return masks;
        using var rows = data.Inputs.narrow(0, 0, Math.Min(ReadRows, data.Count)).clone();
        using var changed = Changed(rows, columns);
        foreach (var (layer, reads) in ColumnReads.Of(model, rows, changed))
        {
            var shape = model.Parameters[layer.Weight].shape;
            var mask = Along(tensor(reads), shape, layer.InputAxis).expand(shape);
            var other = masks.GetValueOrDefault(layer.Weight); // layers may share their weights
            masks = masks.SetItem(layer.Weight, other is null ? mask.clone() : mask.logical_or(other));
        }

        return masks;
    }

    // The same rows, each with a value in the columns that it does not have.
    private static Tensor Changed(Tensor rows, IEnumerable<FeatureColumn> columns)
    {
        using var scope = NewDisposeScope();
        var changed = rows.clone();
        var flat = changed.view(rows.shape[0], -1);
        foreach (var at in columns.SelectMany(c => Enumerable.Range(c.Start, c.Width)))
        {
            var values = flat.select(1, at);
            var (least, most) = (values.min(), values.max());
            var above = most.add(ones_like(most));
            values.copy_(where(values.ne(most), most, where(least.ne(most), least, above)));
        }

        return changed.MoveToOuterDisposeScope();
    }

    /// <summary>Layers from the first to the one tapped; all of them when the tap is no layer's output.</summary>
    internal static ImmutableArray<Layer> FrontLayers(OnnxClassifier model, string tap)
    {
        var last = model.Layers.FirstOrDefault(l => l.Output == tap)?.Index ?? model.Layers.Length - 1;
        return [.. model.Layers.Where(l => l.Index <= last)];
    }

    internal static ImmutableSortedDictionary<string, Tensor?> All(OnnxClassifier model, IEnumerable<Layer> layers) =>
        layers
            .SelectMany(l => new[] { l.Weight, l.Bias })
            .OfType<string>()
            .Distinct()
            .ToImmutableSortedDictionary(name => name, _ => (Tensor?)null);

    /// <summary>
    /// The connections between chosen units of neighboring layers. Where a layer's inputs are not the units of the
    /// layer before it (the first layer, a sum of branches) all of them count.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="layers">Layers in forward order.</param>
    /// <param name="units">Chosen units of each of them.</param>
    /// <param name="biases">What happens to biases.</param>
    internal static ImmutableSortedDictionary<string, Tensor?> Between(
        OnnxClassifier model,
        IReadOnlyList<Layer> layers,
        IReadOnlyList<int[]> units,
        BiasMode biases
    )
    {
        var masks = ImmutableSortedDictionary.CreateBuilder<string, Tensor?>();
        for (var i = 0; i < layers.Count; i++)
        {
            var layer = layers[i];
            var shape = model.Parameters[layer.Weight].shape;
            var rows = Flags(shape[layer.UnitAxis], units[i], 1);
            var follows = i > 0 && shape[layer.InputAxis] == layers[i - 1].Units * layer.InputsPerUnit;
            var columns = follows
                ? Flags(shape[layer.InputAxis], units[i - 1], layer.InputsPerUnit)
                : ones(shape[layer.InputAxis], ScalarType.Bool);
            masks[layer.Weight] = Along(rows, shape, layer.UnitAxis)
                .logical_and(Along(columns, shape, layer.InputAxis))
                .expand(shape)
                .clone();
            if (layer.Bias is { } bias && biases != BiasMode.Frozen)
                masks[bias] = biases == BiasMode.Free ? null : rows.reshape(model.Parameters[bias].shape);
        }

        return masks.ToImmutable();
    }

    private static Tensor Flags(long count, int[] chosen, long perUnit)
    {
        var flags = new bool[count];
        foreach (var unit in chosen)
            flags.AsSpan((int)(unit * perUnit), (int)perUnit).Fill(true);
        return tensor(flags);
    }

    private static Tensor Along(Tensor flags, long[] shape, int axis)
    {
        var view = Enumerable.Repeat(1L, shape.Length).ToArray();
        view[axis] = shape[axis];
        return flags.view(view);
    }
}
