using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// The one place that decides how a file is run: rebuilt with gradients where that is possible, else in ONNX Runtime.
/// </summary>
internal static class ClassifierLoader
{
    // How long loading may take: a loop in a file may have no end.
    private static TimeSpan Limit(OnnxFile file) =>
        TimeSpan.FromSeconds(6 + file.Bytes / (double)(8 << 20) + file.Graph.Node.Count / 500.0);

    /// <summary>Loads a file.</summary>
    /// <param name="whole">The file.</param>
    /// <param name="use">What it is loaded for.</param>
    /// <exception cref="GateException">PTG2xxx.</exception>
    public static Classifier Load(OnnxFile whole, ModelUse use)
    {
        using var work = NativeWork.Begin($"loading '{whole.Name}'", Limit(whole));
        try
        {
            var candidates = ScoreOutputs.Candidates(whole, use.Output);
            var file = candidates.IsEmpty ? whole : whole.For([Chosen(whole, candidates, use)]);
            if (use.Data is not null)
                RowIndependence.CheckDropouts(file);
            var model = Run(file, use);
            try
            {
                using var rows = use.Some(RowIndependence.Rows);
                if (rows is not null)
                    RowIndependence.Check(model, rows);
                model.ClassNames = OnnxClassNames.Find(whole, model.Output, use.Label);
                model.Notes = Notes(whole, file, candidates, model.Output);
                return model;
            }
            catch
            {
                model.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is not (GateException or OperationCanceledException or OutOfMemoryException))
        {
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.ModelUnreadable,
                    $"The model '{whole.Name}' cannot be used: {e.GetType().Name}: {OnnxGraph.FirstLine(e.Message)}"
                ),
                e
            );
        }
    }

    /// <summary>A file as far as its scores depend on it, whichever of its outputs is read in the end.</summary>
    public static OnnxFile Readable(OnnxFile whole, ModelUse use) =>
        ScoreOutputs.Candidates(whole, use.Output) is { IsEmpty: false } candidates ? whole.For(candidates) : whole;

    /// <summary>What a file asks of the data.</summary>
    public static ModelInputs Wanted(OnnxFile whole, ModelUse use)
    {
        var candidates = ScoreOutputs.Candidates(whole, use.Output);
        return InputBinding.Wanted(Readable(whole, use)) with
        {
            ClassNames = candidates.IsEmpty ? [] : OnnxClassNames.Find(whole, candidates[0], use.Label),
        };
    }

    private static string Chosen(OnnxFile whole, ImmutableArray<string> candidates, ModelUse use) =>
        ScoreOutputs.Choose(
            whole,
            candidates,
            use.Data?.ClassNames.Length,
            use.Data is null
                ? null
                : unknown =>
                {
                    using var scope = NewDisposeScope();
                    var file = whole.For(unknown);
                    var feeds = InputBinding.Bind(file, use.Layout);
                    var rows = use.Some(feeds.Batch > 0 ? feeds.Batch : 2)!;
                    if (feeds.Batch > rows.shape[0])
                        rows = rows.narrow(0, 0, 1).expand([feeds.Batch, .. rows.shape[1..]]);
                    using var session = new OnnxSession(
                        file,
                        file.Part(file.Graph.Node, [], unknown),
                        unknown,
                        threads: 1
                    );
                    var values = feeds.Fill(rows);
                    try
                    {
                        return
                        [
                            .. session
                                .Run(feeds.Names, values)
                                .Select(v =>
                                    v is null ? -1
                                    : v.dim() < 2 ? 1
                                    : v.shape.Skip(1).Max()
                                ),
                        ];
                    }
                    finally
                    {
                        foreach (var value in values)
                            value.Dispose();
                    }
                }
        );

    private static Classifier Run(OnnxFile file, ModelUse use)
    {
        OnnxFile lowered;
        try
        {
            lowered = OnnxLowering.Lower(file, use.Layout);
            OnnxSignature.Read(lowered, use.Output);
        }
        catch (GateException refused)
        {
            return InRuntime(file, use, refused);
        }

        try
        {
            return OnnxClassifier.Load(lowered, use);
        }
        catch (GateException refused)
            when (refused.Diagnostics[0].Code == DiagnosticCodes.ModelOperator
                || (
                    lowered.Lowering is not null
                    && refused.Diagnostics[0].Code is DiagnosticCodes.ModelDisagrees or DiagnosticCodes.ModelShape
                )
            )
        {
            return InRuntime(file, use, refused);
        }
    }

    private static OnnxRuntimeClassifier InRuntime(OnnxFile file, ModelUse use, GateException refused)
    {
        try
        {
            return OnnxRuntimeClassifier.Load(file, use, Why(file, refused));
        }
        catch (GateException neither) when (neither.Diagnostics[0].Code == DiagnosticCodes.ModelUnreadable)
        {
            throw new GateException(
                new Diagnostic(refused.Diagnostics[0].Code, $"{refused.Message} {neither.Message}"),
                neither
            );
        }
    }

    // All operators that stand in the way, where the error names the first or none.
    private static string Why(OnnxFile file, GateException refused)
    {
        var without = file
            .Graph.Node.Where(n => !OnnxLowering.CanRebuild(n))
            .Select(OnnxNode.Kind)
            .Distinct()
            .ToArray();
        return without.Length == 0
            ? refused.Message
            : $"The model '{file.Name}' cannot be rebuilt with gradients; it uses unsupported operators: "
                + $"{Wording.List(without.Take(10).Select(k => Wording.Plain(k, 100)))}.";
    }

    private static ImmutableArray<string> Notes(
        OnnxFile whole,
        OnnxFile file,
        ImmutableArray<string> candidates,
        string output
    )
    {
        List<string> notes = [];
        var name = Wording.Quote(output);
        var typed = whole.Graph.Output.Count(o => ScoreOutputs.MayHold(o, whole.Producers.GetValueOrDefault));
        if (typed > 1)
            notes.Add($"Scores are read from the output {name}, one of {typed} outputs that could hold them.");
        var unused = whole.Inputs.Select(i => i.Name).Except(file.Inputs.Select(i => i.Name)).ToArray();
        if (unused.Length > 0)
        {
            var more = unused.Length > 10 ? $" and {unused.Length - 10} more" : "";
            notes.Add(
                $"The output {name} does not depend on {(unused.Length == 1 ? "the input" : "the inputs")} "
                    + $"{Wording.List(unused.Take(10).Select(Wording.Quote))}{more}, "
                    + $"so no data is read for {(unused.Length == 1 ? "it" : "them")}."
            );
        }

        if (file.Inputs.Count > 0 && RowIndependence.NeedsSingleRows(file.Graph))
            notes.Add("The model runs row by row because DynamicQuantizeLinear scales values by the whole batch.");
        return [.. notes];
    }
}
