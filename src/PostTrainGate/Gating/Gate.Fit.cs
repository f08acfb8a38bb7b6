using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Policy;

namespace PostTrainGate.Gating;

// Whether model and data fit together.
public static partial class Gate
{
    // Only a whole batch of one shape can be fed; a mismatch shows both sides.
    private static void FitShape(GatePolicy policy, ImmutableArray<long> wanted, EvaluationSet data)
    {
        var given = data.InputShape;
        var fits = given.Length == wanted.Length && given.Zip(wanted).All(p => p.Second < 0 || p.First == p.Second);
        if (!fits)
        {
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.ModelShape,
                    $"'{policy.Model!.Text}' expects inputs of shape {AxisOrder.Text(wanted)}, "
                        + $"but rows of '{policy.Data.Source.Text}' have shape {AxisOrder.Text(given)}"
                        + (
                            data.Layout is { } layout
                                ? $"{layout.Described}; change the features, the encoding ('features.categories' lists "
                                    + "the values that a model knows) or the model."
                                : "; save the data in the model's shape, or export the model for the data's."
                        ),
                    policy.Data.Source.Position
                )
            );
        }
    }

    // A model with open axes says only when it runs that it does not take rows of every shape.
    private static Classifier Load(GatePolicy policy, OnnxFile model, ModelUse use, ModelInputs wanted)
    {
        try
        {
            return ClassifierLoader.Load(model, use);
        }
        catch (GateException refused)
            when (refused is { Diagnostics: [{ Code: DiagnosticCodes.ModelShape } why], InnerException: { } ran }
                && ran is not GateException
                && wanted.Shape.Any(size => size < 0)
                && use.Data is { Layout: null }
            )
        {
            var shape = use.Data.InputShape;
            var told =
                $"'{policy.Model!.Text}' does not run on the rows of '{policy.Data.Source.Text}', "
                + $"which come to it in the shape {AxisOrder.Text(shape)}";
            var advice = (AxisOrder.Layout(shape), wanted.Shape.All(size => size < 0)) switch
            {
                (ImageLayout.Nhwc, true) => "if it takes channels first, set 'input.layout: nchw'",
                (ImageLayout.Nchw, true) => "if it takes channels last, set 'input.layout: nhwc'",
                _ => "save the data in the model's shape, or export the model for the data's",
            };
            throw new GateException(why with { Message = $"{told}; {advice}. {why.Message}" }, refused);
        }
    }

    private static void FitClasses(
        GatePolicy policy,
        Classifier model,
        EvaluationSet data,
        params EvaluationSet[] others
    )
    {
        if (data.ClassNames.Length != model.Classes)
        {
            var listed = policy.Data.Classes;
            if (!listed.IsDefaultOrEmpty)
                throw new GateException(
                    new Diagnostic(
                        DiagnosticCodes.ModelShape,
                        $"'{policy.Model!.Text}' has {model.Classes} classes, but 'data.classes' lists {listed.Length} "
                            + $"({string.Join(", ", listed.Take(12))}); list the model's classes in its order.",
                        policy.Data.Position
                    )
                );
            var rarest = data.ClassNames.Length > model.Classes ? Rarest([data, .. others]) : "";
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.ModelShape,
                    $"'{policy.Model!.Text}' has {model.Classes} classes, but the labels of "
                        + $"'{policy.Data.Source.Text}' have {data.ClassNames.Length} "
                        + $"({string.Join(", ", data.ClassNames.Take(12))}){rarest}; "
                        + "use data with the model's classes.",
                    policy.Data.Source.Position
                )
            );
        }

        // Where both use the same names they have to stand in the same order; other names say nothing.
        if (
            !model.ClassNames.SequenceEqual(data.ClassNames)
            && model
                .ClassNames.Order(StringComparer.Ordinal)
                .SequenceEqual(data.ClassNames.Order(StringComparer.Ordinal))
        )
        {
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.ModelShape,
                    $"'{policy.Model!.Text}' has its classes in the order "
                        + $"{string.Join(", ", model.ClassNames.Take(12))}, "
                        + $"but the data has them in the order {string.Join(", ", data.ClassNames.Take(12))}; "
                        + "set 'data.classes' to the model's order.",
                    policy.Data.Position
                )
            );
        }
    }

    // Of more classes than a model has, one that few rows have is likely a slip in these.
    private static string Rarest(EvaluationSet[] sets)
    {
        var rows = sets.SelectMany(set => set.LabelValues.Select((label, row) => (Label: label, Set: set, Row: row)));
        var fewest = rows.GroupBy(r => r.Label).MinBy(g => g.Count())!.ToArray();
        var (label, set, row) = fewest[0];
        return $", of which {Wording.Quote(set.ClassNames[label])} is in {DataProblem.Rows(fewest.Length)}, "
            + $"as in {set.PlaceInData(row)}";
    }
}
