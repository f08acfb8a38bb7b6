using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;

namespace PostTrainGate.Models;

/// <summary>
/// What the product sees in an ONNX file, without data: for people who ask why a model can or cannot be gated and
/// repaired.
/// </summary>
public sealed record ModelInspection
{
    /// <summary>The file's name.</summary>
    public required string File { get; init; }

    /// <summary>SHA-256 of the file, lower-case hexadecimal.</summary>
    public required string Sha256 { get; init; }

    /// <summary>What wrote it, as it says itself; empty where it does not.</summary>
    public required string Producer { get; init; }

    /// <summary>Operator sets by domain; <c>ai.onnx</c> is ONNX's own.</summary>
    public required ImmutableSortedDictionary<string, long> OperatorSets { get; init; }

    /// <summary>Inputs that are no initializers.</summary>
    public required ImmutableArray<ModelValue> Inputs { get; init; }

    /// <summary>
    /// Names of the inputs that a table is looked up by, such as ids of words: a number near such a one means anything.
    /// </summary>
    public ImmutableArray<string> Ids { get; init; } = [];

    /// <summary>Outputs.</summary>
    public required ImmutableArray<ModelValue> Outputs { get; init; }

    /// <summary>Operators of the graph by name.</summary>
    public required ImmutableArray<ModelOperator> Operators { get; init; }

    /// <summary>The output that scores are read from; null where the model cannot be run by itself.</summary>
    public string? Output { get; init; }

    /// <summary>What was assumed of the file, a sentence each.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>What stands at the end; null where the model cannot be run by itself.</summary>
    public OutputHead? Head { get; init; }

    /// <summary>Number of classes; null where the model cannot be run by itself.</summary>
    public int? Classes { get; init; }

    /// <summary>
    /// Names that the file gives its classes, in the order of its outputs; empty where it gives none.
    /// </summary>
    public ImmutableArray<string> ClassNames { get; init; } = [];

    /// <summary>Number of values that a repair may change.</summary>
    public long Parameters { get; init; }

    /// <summary>Layers that a repair can cut at, in forward order.</summary>
    public ImmutableArray<Layer> Layers { get; init; } = [];

    /// <summary>
    /// Why the model has no gradients here, and so is not repaired; null where it was rebuilt and agrees with ONNX
    /// Runtime.
    /// </summary>
    public string? Refusal { get; init; }

    /// <summary>Reads a file and tries to rebuild it.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="GateException">PTG2001: the file cannot be read.</exception>
    public static ModelInspection Inspect(string path)
    {
        var file = OnnxFile.Read(path);
        var seen = new ModelInspection
        {
            File = file.Name,
            Sha256 = Hash.ComputeFile(path),
            Producer = $"{file.Model.ProducerName} {file.Model.ProducerVersion}".Trim(),
            OperatorSets = file
                .Model.OpsetImport.GroupBy(o => o.Domain.Length == 0 ? "ai.onnx" : o.Domain)
                .ToImmutableSortedDictionary(g => g.Key, g => g.Max(o => o.Version), StringComparer.Ordinal),
            Inputs = [.. file.Inputs.Select(ModelValue.FromProto)],
            Ids = OnnxLookups.Find(file),
            Outputs = [.. file.Graph.Output.Select(ModelValue.FromProto)],
            Operators =
            [
                .. file
                    .Graph.Node.GroupBy(n => (n.Domain, n.OpType))
                    .OrderBy(g => g.Key.Domain, StringComparer.Ordinal)
                    .ThenBy(g => g.Key.OpType, StringComparer.Ordinal)
                    .Select(g => new ModelOperator(
                        OnnxNode.Kind(g.First()),
                        g.Count(),
                        OnnxLowering.CanRebuild(g.First())
                    )),
            ],
        };
        try
        {
            // Without data, an input a column stands for the table's columns.
            var columns = ImmutableArray<FeatureColumn>.Empty;
            foreach (var name in ClassifierLoader.Wanted(file, new()).Names)
                columns = columns.Add(new(name, columns.Sum(c => c.Width), OnnxLowering.Categories(file, name)));
            using var model = ClassifierLoader.Load(
                file,
                new() { Layout = columns.IsEmpty ? null : new FeatureLayout(columns) }
            );
            var rebuilt = model as OnnxClassifier;
            return seen with
            {
                Output = model.Output,
                Notes = model.Notes,
                Head = model.Head,
                Classes = model.Classes,
                ClassNames = model.ClassNames,
                Layers = rebuilt?.Layers ?? [],
                Parameters = rebuilt?.Parameters.Values.Sum(p => p.numel()) ?? 0,
                Refusal = model.WhyNoGradients,
            };
        }
        catch (GateException refused)
        {
            return seen with { Refusal = string.Join(" ", refused.Diagnostics.Select(d => d.Message)) };
        }
    }
}

/// <summary>An input or output of a file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Element type, or what else it holds.</param>
/// <param name="Shape">Sizes; names where an axis is open; null where the file does not say.</param>
public sealed record ModelValue(string Name, string Type, ImmutableArray<string>? Shape)
{
    internal static ModelValue FromProto(ValueInfoProto value) =>
        value.Type?.TensorType is { } tensor
            ? new(
                value.Name,
                ((TensorProto.Types.DataType)tensor.ElemType).ToString().ToLowerInvariant(),
                tensor.Shape is { } shape
                    ?
                    [
                        .. shape.Dim.Select(d =>
                            d.HasDimValue ? $"{d.DimValue}"
                            : d.DimParam.Length > 0 ? d.DimParam
                            : "?"
                        ),
                    ]
                    : null
            )
            : new(
                value.Name,
                value.Type?.ValueCase.ToString().Replace("Type", "", StringComparison.Ordinal).ToLowerInvariant()
                    ?? "unknown",
                null
            );
}

/// <summary>An operator of a file.</summary>
/// <param name="Name">Its name, with the domain where that is not ONNX's own.</param>
/// <param name="Count">How many nodes use it.</param>
/// <param name="Rebuilt">Whether it can be rebuilt in a graph with gradients.</param>
public sealed record ModelOperator(string Name, int Count, bool Rebuilt);
