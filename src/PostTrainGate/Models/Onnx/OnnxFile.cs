using System.Collections.Immutable;
using Google.Protobuf;
using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>A model file as it is on disk: read, checked, and written again with other weights.</summary>
internal sealed partial class OnnxFile
{
    /// <summary>Most bytes of one file, as protobuf can hold no more.</summary>
    public const long MaxBytes = int.MaxValue;

    private readonly Lazy<GraphProto> _graph;
    private Dictionary<string, NodeProto>? _producers;

    /// <summary>Takes a model that is in memory.</summary>
    public OnnxFile(string path, ModelProto model) =>
        (Path, Model, _graph) = (path, model, new(() => OnnxFunctions.Inline(model)));

    private OnnxFile(OnnxFile whole, GraphProto graph)
        : this(whole.Path, whole.Model) => (_graph, _references, Bytes) = (new(graph), whole._references, whole.Bytes);

    /// <summary>What its graph was made of; null where it is the graph that was read.</summary>
    public Lowering? Lowering { get; private init; }

    /// <summary>Where it was read.</summary>
    public string Path { get; }

    /// <summary>Its name, for messages.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>All of it.</summary>
    public ModelProto Model { get; }

    /// <summary>Its graph, with the bodies of its functions in place of calls.</summary>
    public GraphProto Graph => _graph.Value;

    /// <summary>Tensors whose values training may have set, by name of the value.</summary>
    public IEnumerable<(string Name, TensorProto Tensor)> Weights =>
        Floats(Model.Graph).Concat((Lowering?.Weights ?? []).Select(w => (w.Tensor.Name, w.Tensor)));

    /// <summary>Its inputs, without those that are initializers.</summary>
    public IReadOnlyList<ValueInfoProto> Inputs
    {
        get
        {
            var initialized = Graph.Initializer.Select(t => t.Name).ToHashSet();
            return [.. Graph.Input.Where(i => !initialized.Contains(i.Name))];
        }
    }

    /// <summary>Bytes of the file and its external data.</summary>
    public long Bytes { get; private set; }

    /// <summary>The node that computes a value, by the value's name.</summary>
    public Dictionary<string, NodeProto> Producers =>
        _producers ??= Graph
            .Node.SelectMany(n => n.Output, (n, o) => (o, n))
            .Where(p => p.o.Length > 0)
            .ToDictionary(p => p.o, p => p.n);

    /// <summary>The one number that a value always is; null where it is none, or changes.</summary>
    public double? Number(string name)
    {
        var proto = Graph.Initializer.FirstOrDefault(t => t.Name == name)
            ?? (
                Producers.GetValueOrDefault(name) is { OpType: "Constant" } node
                    ? node.Attribute.FirstOrDefault(a => a.Name == "value")?.T
                    : null
            );
        if (proto is null || OnnxTensors.TypeOf(proto.DataType) is null)
            return null;
        using var value = OnnxTensors.Read(proto);
        if (value.numel() != 1)
            return null;
        using var wide = value.to_type(ScalarType.Float64);
        return wide.item<double>();
    }

    /// <summary>Nodes that some values depend on, in the order of the file.</summary>
    public IReadOnlyList<NodeProto> Needed(IEnumerable<string> values)
    {
        var wanted = values.ToHashSet();
        List<NodeProto> needed = [];
        foreach (var node in Graph.Node.Reverse())
        {
            if (!node.Output.Any(wanted.Contains))
                continue;
            wanted.UnionWith(OnnxCompiler.Reads(node).Where(i => i.Length > 0));
            needed.Add(node);
        }

        needed.Reverse();
        return needed;
    }

    /// <summary>
    /// The same file seen from some of its outputs: a graph without what they do not depend on, inputs among it. It is
    /// saved whole.
    /// </summary>
    public OnnxFile For(IReadOnlyCollection<string> outputs)
    {
        var nodes = Needed(outputs);
        var read = nodes.SelectMany(OnnxCompiler.Reads).Concat(outputs).ToHashSet();
        var graph = new GraphProto { Name = Graph.Name };
        graph.Node.AddRange(nodes);
        graph.Initializer.AddRange(Graph.Initializer.Where(t => read.Contains(t.Name)));
        graph.Input.AddRange(Graph.Input.Where(i => read.Contains(i.Name)));
        graph.Output.AddRange(Graph.Output.Where(o => outputs.Contains(o.Name)));
        return new(this, graph);
    }

    /// <summary>The same file with another graph, made of its own. It is saved as it was read.</summary>
    public OnnxFile Lowered(GraphProto graph, Lowering lowering) => new(this, graph) { Lowering = lowering };

    /// <summary>Version of ONNX's own operator set.</summary>
    public long Opset => OnnxFunctions.OpsetOf(Model.OpsetImport);

    /// <summary>Reads a file, its external data included.</summary>
    /// <exception cref="GateException">PTG2001.</exception>
    public static OnnxFile Read(string path)
    {
        var name = System.IO.Path.GetFileName(path);
        try
        {
            if (SpecialFile.Is(path))
                throw new FormatException("it is a pipe or device, not a regular file");
            var length = new FileInfo(path).Length;
            if (
                length is > 0 and < 1024
                && File.ReadAllText(path).StartsWith("version https://git-lfs", StringComparison.Ordinal)
            )
                throw new FormatException("it is a Git LFS pointer; fetch the file with 'git lfs pull'");
            if (length == 0)
                throw new FormatException("it is empty");
            if (length > MaxBytes)
                throw new FormatException($"it has {length} bytes; the limit is {MaxBytes}");
            var file = new OnnxFile(path, Parse(path)) { Bytes = length };
            Check(file.Model.Graph);
            file.TakeInExternalData();
            Check(file.Graph);
            return file;
        }
        catch (Exception e)
            when (e
                    is IOException
                        or UnauthorizedAccessException
                        or FormatException
                        or InvalidProtocolBufferException
                        or ArgumentException
            )
        {
            var why =
                e is InvalidProtocolBufferException ? "it is truncated or not an ONNX file" : e.Message.TrimEnd('.');
            throw new GateException(
                new Diagnostic(DiagnosticCodes.ModelUnreadable, $"The model '{name}' cannot be read: {why}."),
                e
            );
        }
    }

    private static ModelProto Parse(string path)
    {
        using var stream = File.OpenRead(path);
        return ModelProto.Parser.ParseFrom(stream);
    }

    /// <summary>Writes the file with other weights and more metadata, beside and then by rename.</summary>
    /// <param name="path">Where.</param>
    /// <param name="parameters">Weights by name.</param>
    /// <param name="provenance">What the file says about itself.</param>
    /// <param name="embedded">
    /// Most bytes of weights in the file itself; where there are more, they stand in one beside it.
    /// </param>
    public void Save(
        string path,
        IReadOnlyDictionary<string, Tensor> parameters,
        Provenance? provenance,
        long embedded = MaxBytes - (64 << 20)
    )
    {
        var model = With(parameters);
        foreach (var (key, value) in provenance?.Entries ?? ImmutableSortedDictionary<string, string>.Empty)
        {
            var full = key.StartsWith("posttraingate.", StringComparison.Ordinal) ? key : $"posttraingate.{key}";
            var entry = model.MetadataProps.FirstOrDefault(p => p.Key == full);
            if (entry is null)
                model.MetadataProps.Add(entry = new() { Key = full });
            entry.Value = value;
        }

        if (model.Graph.Initializer.Sum(t => (long)t.RawData.Length) > embedded)
            OnnxExternalData.MoveOut(path, model);
        Write(path, model);
    }

    /// <summary>A copy of the file's model with other weights.</summary>
    public ModelProto With(IReadOnlyDictionary<string, Tensor> parameters)
    {
        var model = Model.Clone();
        foreach (var (name, proto) in Floats(model.Graph))
            if (parameters.TryGetValue(name, out var value))
                OnnxTensors.Write(proto, value);
        foreach (var weight in Lowering?.Weights ?? [])
            if (parameters.TryGetValue(weight.Tensor.Name, out var value))
                weight.Write(model.Graph, value);
        return model;
    }

    /// <summary>
    /// Writes a model beside its place and renames it, so that a half-written file never stands there.
    /// </summary>
    public static void Write(string path, ModelProto model) => AtomicFile.Write(path, model.WriteTo);

    // Floating initializers, and constants with axes. What stands in functions and branches is not changed.
    private static IEnumerable<(string Name, TensorProto Tensor)> Floats(GraphProto graph) =>
        graph
            .Initializer.Select(t => (t.Name, t))
            .Concat(
                graph
                    .Node.Where(n => n.OpType == "Constant" && n.Domain is "" or "ai.onnx" && n.Output[0].Length > 0)
                    .SelectMany(n =>
                        n.Attribute.Where(a => a.Name == "value" && a.T is { Dims.Count: > 0 })
                            .Select(a => (n.Output[0], a.T))
                    )
            )
            .Where(p => OnnxTensors.FloatTypes.Contains(p.Item2.DataType));

    /// <summary>A model of some of the file's nodes, in the order of the file, that gives other outputs.</summary>
    public ModelProto Part(
        IReadOnlyList<NodeProto> nodes,
        IReadOnlyCollection<string> inputs,
        IEnumerable<string> outputs
    )
    {
        var used = nodes.SelectMany(OnnxCompiler.Reads).ToHashSet();
        var part = new ModelProto
        {
            IrVersion = Model.IrVersion,
            Graph = new() { Name = Graph.Name },
        };
        part.OpsetImport.AddRange(Model.OpsetImport);
        part.Graph.Node.AddRange(nodes);
        part.Graph.Initializer.AddRange(Graph.Initializer.Where(t => used.Contains(t.Name)));
        part.Graph.Input.AddRange(Graph.Input.Where(i => inputs.Contains(i.Name) || used.Contains(i.Name)));
        part.Graph.Output.AddRange(
            outputs.Select(name => Graph.Output.FirstOrDefault(o => o.Name == name) ?? new() { Name = name })
        );
        return part;
    }

    private static void Check(GraphProto? graph)
    {
        if (graph is null || graph.Node.Count == 0)
            throw new FormatException("it contains no graph");
        if (graph.Node.SelectMany(WithInner).FirstOrDefault(n => n.Output.Count == 0) is { } silent)
            throw new FormatException($"node {Wording.Quote(silent.Name)} has no output");
        if (
            graph
                .Node.SelectMany(WithInner)
                .SelectMany(OnnxCompiler.SubgraphsOf)
                .Prepend(graph)
                .Any(g => g.Initializer.Any(t => t.Name.Length == 0))
        )
            throw new FormatException("an initializer has no name");
        if (graph.SparseInitializer.Count > 0)
            throw new FormatException("sparse initializers are not supported; store them dense");
        var duplicate = graph
            .Initializer.Select(t => t.Name)
            .Concat(graph.Node.SelectMany(n => n.Output).Where(o => o.Length > 0))
            .GroupBy(n => n)
            .FirstOrDefault(g => g.Count() > 1);
        if (duplicate is not null)
            throw new FormatException($"the value {Wording.Quote(duplicate.Key)} is defined twice");
    }

    private static IEnumerable<NodeProto> WithInner(NodeProto node) =>
        OnnxCompiler.SubgraphsOf(node).SelectMany(g => g.Node.SelectMany(WithInner)).Prepend(node);
}
