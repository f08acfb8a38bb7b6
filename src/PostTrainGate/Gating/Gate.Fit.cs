using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Models;

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

    // A model whose axes are all open says only when it runs that its channels stand elsewhere.
    private static Classifier Load(GatePolicy policy, OnnxFile model, ModelUse use, ModelInputs wanted)
    {
        try
        {
            return ClassifierLoader.Load(model, use);
        }
        catch (GateException refused)
            when (refused.Diagnostics is [{ Code: DiagnosticCodes.ModelShape } why]
                && wanted.Shape is [< 0, < 0, < 0]
                && policy.Input.Layout is null
                && use.Data is { InputShape: [_, _, _] shape }
            )
        {
            throw new GateException(
                why with
                {
                    Message =
                        $"{why.Message} Rows of '{policy.Data.Source.Text}' have shape {AxisOrder.Text(shape)}; "
                        + "'input.layout' says where the model has its channels.",
                },
                refused
            );
        }
    }

    private static void FitClasses(GatePolicy policy, Classifier model, EvaluationSet data)
    {
        if (data.ClassNames.Length != model.Classes)
        {
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.ModelShape,
                    $"'{policy.Model!.Text}' has {model.Classes} classes, but the labels of "
                        + $"'{policy.Data.Source.Text}' have {data.ClassNames.Length} "
                        + $"({string.Join(", ", data.ClassNames.Take(12))}); use data with the model's classes.",
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
}
