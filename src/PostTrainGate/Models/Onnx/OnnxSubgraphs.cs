using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// If and Loop: their graphs are compiled as the model's is, and run within one step of it.
internal sealed partial class OnnxCompiler
{
    private const long MaxTrips = 1 << 13;

    // Captured: slots of values that it reads from around it.
    private sealed record Subgraph(int[] Inputs, IReadOnlyList<OnnxGraph.Step> Steps, int[] Outputs, int[] Captured)
    {
        public Tensor[] Run(Tensor[] around, params ReadOnlySpan<Tensor> inputs)
        {
            using var scope = NewDisposeScope();
            var values = (Tensor[])around.Clone();
            for (var i = 0; i < inputs.Length; i++)
                values[Inputs[i]] = inputs[i];
            foreach (var step in Steps)
                values[step.Output] = OnnxGraph.Compute(step, values);
            return [.. Outputs.Select(o => values[o].alias().MoveToOuterDisposeScope())];
        }
    }

    /// <summary>The graphs within a node.</summary>
    internal static IEnumerable<GraphProto> SubgraphsOf(NodeProto node) =>
        node.Attribute.Where(a => a.G is not null).Select(a => a.G);

    /// <summary>
    /// Names of all values that a node reads, by its graphs too (which read values of their own among them).
    /// </summary>
    internal static IEnumerable<string> Reads(NodeProto node) =>
        node.Input.Concat(
            SubgraphsOf(node).SelectMany(g => g.Node.SelectMany(Reads).Concat(g.Output.Select(o => o.Name)))
        );

    // Names of all values that the graphs of a node define.
    private static IEnumerable<string> Inner(NodeProto node) =>
        SubgraphsOf(node)
            .SelectMany(g =>
                g.Input.Select(i => i.Name)
                    .Concat(g.Initializer.Select(t => t.Name))
                    .Concat(g.Node.SelectMany(n => n.Output.Concat(Inner(n))))
            );

    // Both return what the step reads beside the node's inputs.
    private int[] If(OnnxNode node)
    {
        var (condition, then, otherwise) = (node.Input(0), Compile(node, "then_branch"), Compile(node, "else_branch"));
        if (Math.Min(then.Outputs.Length, otherwise.Outputs.Length) < node.OutputCount)
            throw node.Refuse("a branch has too few outputs");
        for (var i = 0; i < node.OutputCount; i++)
        {
            var output = i;
            node.Also(i, v => (v[condition].item<bool>() ? then : otherwise).Run(v)[output]);
        }

        return [.. then.Captured.Union(otherwise.Captured)];
    }

    private int[] Loop(OnnxNode node)
    {
        var (trips, condition) = (node.Optional(0), node.Optional(1));
        int[] first = [.. Enumerable.Range(2, Math.Max(0, node.InputCount - 2)).Select(node.Input)];
        var body = Compile(node, "body");
        if (
            body.Inputs.Length != first.Length + 2
            || body.Outputs.Length != node.OutputCount + 1
            || first.Length > node.OutputCount
        )
            throw node.Refuse("its body does not match its inputs and outputs");
        for (var i = 0; i < node.OutputCount; i++)
        {
            var output = i;
            node.Also(i, v => Run(v)[output]);
        }

        return body.Captured;

        // Carried values as they are in the end, and all others stacked.
        Tensor[] Run(Tensor[] v)
        {
            var limit = trips < 0 ? long.MaxValue : v[trips].to_type(ScalarType.Int64).item<long>();
            var going = condition < 0 || v[condition].item<bool>();
            Tensor[] carried = [.. first.Select(slot => v[slot])];
            var stacked = Enumerable
                .Range(0, body.Outputs.Length - 1 - first.Length)
                .Select(_ => new List<Tensor>())
                .ToArray();
            long numbers = 0;
            var there = v.First(t => t is not null);
            for (long trip = 0; trip < limit && going; trip++)
            {
                if (trip == MaxTrips)
                    throw new ArgumentException($"it runs more than {MaxTrips} iterations");
                if (NativeWork.Left is { Ticks: 0 })
                    throw new ArgumentException("its loops take too long");
                var results = body.Run(v, [tensor(trip).On(there), tensor(going).On(there), .. carried]);
                node.Fit(v, numbers += results.Sum(r => r.numel()));
                going = results[0].item<bool>();
                carried = results[1..(1 + first.Length)];
                for (var i = 0; i < stacked.Length; i++)
                    stacked[i].Add(results[1 + first.Length + i]);
            }

            return [.. carried, .. stacked.Select(s => stack(s))];
        }
    }

    private Subgraph Compile(OnnxNode node, string attribute)
    {
        var graph = node.Attribute(attribute)?.G ?? throw node.Refuse($"attribute '{attribute}' is missing");
        foreach (var tensor in graph.Initializer)
            Define(tensor.Name, tensor, parameter: false);
        var around = _steps;
        _steps = [];
        foreach (var inner in graph.Node)
            Build(inner);
        var steps = _steps;
        _steps = around;
        int[] inputs = [.. graph.Input.Select(i => Slot(i.Name))];
        int[] outputs = [.. graph.Output.Select(o => Slot(o.Name))];
        var made = steps.Select(s => s.Output).Concat(inputs).ToHashSet();
        return new(
            inputs,
            steps,
            outputs,
            [.. steps.SelectMany(s => s.Inputs).Concat(outputs).Where(s => !made.Contains(s)).Distinct()]
        );
    }

    private int Slot(string name) =>
        name.Length == 0 ? -1
        : _slots.TryGetValue(name, out var slot) ? slot
        : throw Unreadable($"the value {Wording.Quote(name)} is not defined");
}
