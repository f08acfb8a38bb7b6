using PostTrainGate.Cli.Output;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Models;
using PostTrainGate.Reporting;
using Spectre.Console;

namespace PostTrainGate.Cli;

/// <summary>How an inspection is shown.</summary>
internal enum InspectFormat
{
    /// <summary>For people.</summary>
    Console,

    /// <summary>For programs.</summary>
    Json,
}

/// <summary><c>posttraingate inspect</c>: what the product sees in a model, without data or policy.</summary>
internal static class InspectCommand
{
    /// <summary>Shows a file; exit code 0 also where it cannot be rebuilt, 2 where it cannot be read.</summary>
    public static int Run(string file, InspectFormat format, CliHost host, CancellationToken cancel)
    {
        try
        {
            var model = host.Inspect(file, cancel);
            if (format == InspectFormat.Json)
                host.Out.Write(GateJson.Write(model));
            else
                Show(model, Terminal.Out(host));
            return 0;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return ExitCodes.Canceled;
        }
        catch (GateException wrong)
        {
            var error = Terminal.Error(host);
            foreach (var diagnostic in wrong.Diagnostics)
                error.Say(diagnostic.ToString(), Color.Red);
            return ExitCodes.BadInput;
        }
        catch (Exception defect)
        {
            Terminal.Error(host).Say(Failures.Internal(defect).ToString(), Color.Red);
            return ExitCodes.Internal;
        }
    }

    private static void Show(ModelInspection model, Terminal output)
    {
        var sets = string.Join(", ", model.OperatorSets.Select(s => $"{s.Key} {s.Value}"));
        output.Say(
            $"{model.File}: operator sets {sets}{(model.Producer.Length > 0 ? $"; written by {model.Producer}" : "")}"
        );
        foreach (var (kind, values) in new[] { ("input", model.Inputs), ("output", model.Outputs) })
        foreach (var value in values)
            output.Say(
                $"{kind} {value.Name}: {value.Type}{(value.Shape is { } shape ? $" [{string.Join(", ", shape)}]" : "")}"
                    + (kind == "input" && model.Ids.Contains(value.Name) ? ", ids that a table is looked up by" : "")
            );
        var names = model.ClassNames.IsEmpty ? "" : $" ({string.Join(", ", model.ClassNames.Take(20))})";
        if (model.Head is { } head)
            output.Say(
                $"scores from the output {model.Output}, head {GateText.Head(head)}: {model.Classes} classes{names}; "
                    + $"{model.Parameters} parameters"
            );
        foreach (var note in model.Notes)
            output.Say(note);
        if (model.Refusal is { } why)
            output.Say($"no gradients, so no repair: {why}", Color.Yellow);
        else
            output.Say("values and gradients come from the rebuilt graph, which matches ONNX Runtime");

        var operators = new Table().Border(TableBorder.Minimal).AddColumns("Operator", "Nodes", "Rebuilt");
        foreach (var op in model.Operators)
            operators.AddRow(
                Terminal.Cell(op.Name),
                Terminal.Cell($"{op.Count}"),
                Terminal.Cell(op.Rebuilt ? "yes" : "no")
            );
        output.Show(operators);
        if (model.Layers.IsEmpty)
            return;
        var layers = new Table()
            .Border(TableBorder.Minimal)
            .AddColumns("Layer", "Node", "Operator", "Units", "Weights", "Output");
        foreach (var layer in model.Layers)
        {
            layers.AddRow(
                Terminal.Cell($"{layer.Index}"),
                Terminal.Cell(layer.Name),
                Terminal.Cell(layer.Operator),
                Terminal.Cell($"{layer.Units}"),
                Terminal.Cell(layer.Weight),
                Terminal.Cell(layer.Output)
            );
        }

        output.Show(layers);
    }
}
