using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// How the inputs tell which side of a group a row is on, as rules that a graph can hold: a column of numbers with
/// bounds, or the categories of a block.
/// </summary>
internal sealed class GroupRules
{
    private const int MostRules = 64;

    private readonly (int Column, float Above, int Side)[] _rules;
    private readonly int _otherwise; // side of rows that no rule covers; negative: none

    private GroupRules((int, float, int)[] rules, int otherwise) => (_rules, _otherwise) = (rules, otherwise);

    /// <summary>The rules of a group.</summary>
    /// <param name="context">Model and rows.</param>
    /// <param name="group">The group.</param>
    /// <param name="whyNot">Why there are none, in one line.</param>
    public static GroupRules? Find(RepairContext context, GroupColumn group, out string? whyNot)
    {
        whyNot =
            !context.ExtendsGraph ? "it adds nodes to the model's graph, which 'repair.graph: extend' would allow"
            : context.RepairSet.Layout is null ? "the inputs have no named columns"
            : context.Source.Head == OutputHead.Probabilities
                ? "the model's output holds probabilities without a softmax that makes them"
            : group.SourceColumns.Length != 1 ? $"the group '{group.Name}' is made of several columns"
            : null;
        if (whyNot is not null)
            return null;
        if (context.RepairSet.Layout!.Find(group.SourceColumns[0]) is not { } column)
        {
            whyNot = $"the model reads no column of group '{group.Name}'";
            return null;
        }

        var rules = Rules(context, group, column);
        if (rules is null || rules._rules.Length > MostRules)
            whyNot = $"no few bounds of the column '{column.Name}' tell the levels of group '{group.Name}'";
        return whyNot is null ? rules : null;
    }

    private static GroupRules? Rules(RepairContext context, GroupColumn group, FeatureColumn column)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var data = context.RepairSet;
        // In the units that the graph is given.
        var block = context
            .Source.Rebuilt.Normalization.Apply(data.Inputs)
            .narrow(1, column.Start, column.Width)
            .contiguous();
        var values = block.data<float>().ToArray();
        var sides = Enumerable.Range(0, data.Count).Select(i => GroupColumn.CountedLevel(group, i)).ToArray();
        if (column.Categories.Length == 0)
            return Bounds(column.Start, values, sides);
        var rules = new List<(int, float, int)>();
        for (var c = 0; c < column.Width; c++)
        {
            float Value(int row) => values[row * column.Width + c];
            var (low, high) = (sides.Select((_, i) => Value(i)).Min(), sides.Select((_, i) => Value(i)).Max());
            var middle = (low + high) / 2;
            int[] inside = [.. sides.Where((s, i) => s >= 0 && Value(i) > middle).Distinct()];
            if (inside.Length > 1)
                return null;
            if (low < high && inside.Length == 1)
                rules.Add((column.Start + c, middle, inside[0]));
        }

        return rules.Count == 0 ? null : new([.. rules], -1);
    }

    // Values in order, with a bound wherever the side changes.
    private static GroupRules? Bounds(int place, float[] values, int[] sides)
    {
        var seen = values
            .Zip(sides)
            .Where(v => v.Second >= 0)
            .GroupBy(v => v.First)
            .Select(g => (Value: g.Key, Sides: g.Select(v => v.Second).Distinct().ToArray()))
            .OrderBy(g => g.Value)
            .ToArray();
        if (seen.Length == 0 || seen.Any(s => s.Sides.Length > 1))
            return null;
        var rules = new List<(int, float, int)>();
        foreach (var (before, after) in seen.Zip(seen.Skip(1)))
            if (before.Sides[0] != after.Sides[0])
                rules.Add((place, (before.Value + after.Value) / 2, after.Sides[0]));
        return rules.Count == 0 ? null : new([.. rules], seen[0].Sides[0]);
    }

    /// <summary>The model with a shift of the favorable logit for each side; null where its graph cannot hold it.</summary>
    /// <param name="model">The model; not changed.</param>
    /// <param name="favorable">The favorable class.</param>
    /// <param name="shifts">By side.</param>
    public OnnxClassifier? Apply(OnnxClassifier model, int favorable, IReadOnlyList<double> shifts)
    {
        try
        {
            return model.Extended(
                (proto, input, logits) =>
                    GraphExtension.Shift(
                        proto,
                        input,
                        logits,
                        Units(_otherwise),
                        [.. _rules.Select(r => new LogitShift(r.Column, r.Above, Units(r.Side)))]
                    )
            );
        }
        catch (GateException)
        {
            return null; // a graph of another type or operator set
        }

        ImmutableArray<float> Units(int side)
        {
            var shift = side < 0 ? 0 : (float)shifts[side];
            if (model.UnitsBeforeHead == 1)
                return [favorable == 1 ? shift : -shift];
            return [.. Enumerable.Range(0, model.Classes).Select(c => c == favorable ? shift : 0)];
        }
    }
}
