using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Statistics;

namespace PostTrainGate.Gating;

/// <summary>
/// Which score belongs to which class: by name where the model's file names its classes, by place where it does not.
/// </summary>
internal static class ClassOrder
{
    private const double Confidence = 0.99,
        FarBetter = 0.2;

    /// <summary>The data's splits with its classes in the model's order, where names tell it.</summary>
    /// <param name="policy">A list of classes in it is the user's own word, and stays.</param>
    /// <param name="splits">The data; taken over.</param>
    /// <param name="names">Names that the model's file gives its classes; empty: none.</param>
    /// <exception cref="GateException">PTG2004: the data has classes that the model does not know.</exception>
    public static DataSplits Match(GatePolicy policy, DataSplits splits, ImmutableArray<string> names)
    {
        var data = splits.Test.ClassNames;
        if (!policy.Data.Classes.IsEmpty || names.IsEmpty || names.SequenceEqual(data))
            return splits;
        var places = data.Select(name => Place(name, names)).ToArray();
        if (places.All(p => p < 0))
            return splits; // they call their classes by other names
        if (places.All(p => p >= 0) && places.Distinct().Count() == places.Length)
        {
            return splits.WithClasses(
                [.. names.Select((name, i) => Array.IndexOf(places, i) is >= 0 and var at ? data[at] : name)],
                places
            );
        }

        var unknown = data.Where((_, i) => places[i] < 0).Select(Wording.Quote).ToArray();
        throw new GateException(
            new Diagnostic(
                DiagnosticCodes.ModelShape,
                $"'{policy.Data.Source.Text}' has labels that are not classes of the model: "
                    + $"{Wording.List(unknown.Take(12))}. The model has the classes "
                    + $"{Wording.List(names.Take(12).Select(Wording.Quote))}. Correct the labels, "
                    + "or list the data's labels in 'data.classes' in the order of the model's classes.",
                policy.Data.Position
            )
        );
    }

    /// <summary>Why the order is in doubt where only places tell it; null where it is not.</summary>
    /// <param name="policy">A list of classes in it settles the order.</param>
    /// <param name="test">The model on the test split.</param>
    public static Diagnostic? Doubt(GatePolicy policy, Evaluation test)
    {
        var (data, names) = (test.Data.ClassNames, test.Model.ClassNames);
        // Names of both sides tell it; without any from the model, numbers from 0 on say their places.
        var told = names.IsEmpty ? IsCount(data) : data.Any(name => Place(name, names) >= 0);
        if (!policy.Data.Classes.IsEmpty || told || test.UndefinedScores > 0)
            return null;
        var counts = new int[data.Length, data.Length]; // [label, prediction]
        foreach (var (label, prediction) in test.Data.LabelValues.Zip(test.Predictions))
            counts[label, prediction]++;
        var right = Enumerable.Range(0, data.Length).Sum(c => counts[c, c]);
        var order = Best(counts);
        var best = Enumerable.Range(0, data.Length).Sum(c => counts[order[c], c]);
        var (asRead, other) = (Share(right), Share(best));
        var below = asRead.Upper < 1.0 / data.Length;
        var better = other.Value - asRead.Value > FarBetter && other.Lower > asRead.Upper;
        if (!below && !better)
            return null;
        var hint = !better
            ? " That is below chance."
            : $" In the order {Wording.List(order.Take(12).Select(c => Wording.Quote(data[c])))} it would be "
                + $"{Numbers.Measured(other.Value)}.";
        return new(
            DiagnosticCodes.ModelClassOrder,
            $"With the classes in the order {Wording.List(data.Take(12).Select(Wording.Quote))}, the accuracy is "
                + $"{Numbers.Measured(asRead.Value)}.{hint} Neither the model nor the data gives the order; "
                + "list the classes in 'data.classes' in the model's order.",
            policy.Data.Position
        )
        {
            Suggested = better ? [.. order.Select(c => data[c])] : null,
        };

        Measurement Share(int count) => Intervals.Proportion(count, test.Data.Count, Confidence);
    }

    private static int Place(string name, ImmutableArray<string> names)
    {
        var exact = names.IndexOf(name);
        return exact >= 0 ? exact : names.Select(Plain).ToList().IndexOf(Plain(name));
    }

    // What stands for the same value in another form: 1 and 1.0, true and 1.
    private static string Plain(string name) =>
        name.ToUpperInvariant() switch
        {
            "TRUE" => "1",
            "FALSE" => "0",
            _ => double.TryParse(name, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number)
                ? number.ToString("R", CultureInfo.InvariantCulture)
                : name,
        };

    // 0, 1, 2, ... say their places themselves.
    private static bool IsCount(ImmutableArray<string> names) =>
        names.Select(Plain).SequenceEqual(Enumerable.Range(0, names.Length).Select(i => $"{i}"));

    // Which class each score seems to mean: the pair with the most rows first.
    private static int[] Best(int[,] counts)
    {
        var classes = counts.GetLength(0);
        var (order, taken) = (Enumerable.Repeat(-1, classes).ToArray(), new bool[classes]);
        var pairs = Enumerable
            .Range(0, classes)
            .SelectMany(label => Enumerable.Range(0, classes), (label, score) => (label, score));
        foreach (
            var (label, score) in pairs.OrderByDescending(p => counts[p.label, p.score]).ThenBy(p => p.label != p.score)
        )
        {
            if (order[score] >= 0 || taken[label])
                continue;
            (order[score], taken[label]) = (label, true);
        }

        return order;
    }
}
