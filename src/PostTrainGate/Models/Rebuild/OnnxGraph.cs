using System.Collections.Concurrent;
using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// The nodes of a file as delegates over value slots. It holds no tensors: those that a pass starts from (constants,
/// parameters) are an array by slot that every classifier has its own copy of. Safe to share.
/// </summary>
internal sealed class OnnxGraph(Dictionary<string, int> slots, IReadOnlyList<OnnxGraph.Step> steps, int input)
{
    private readonly ConcurrentDictionary<string, Plan> _plans = [];
    private OnnxGraph? _inTraining;

    /// <summary>One value computed from others.</summary>
    /// <param name="Node">The node that it comes from.</param>
    /// <param name="OutputName">Name of the value.</param>
    /// <param name="Inputs">Slots that the kernel reads.</param>
    /// <param name="Output">Slot that it fills.</param>
    /// <param name="Kernel">How.</param>
    internal sealed record Step(NodeProto Node, string OutputName, int[] Inputs, int Output, Kernel Kernel)
    {
        /// <summary>The node with its attributes read.</summary>
        public required OnnxNode Rebuild { get; init; }

        /// <summary>Whether its value was rectified in place, so that its gradient needs it as it is.</summary>
        public bool IsRectified { get; init; }

        /// <summary>Whether it computes more than a pass of inference would.</summary>
        public bool IsInTraining { get; init; }
    }

    // Dead[i]: slots that no step after i reads, so that their memory is free again where no gradient needs it.
    private sealed record Plan(Step[] Steps, int[][] Dead);

    /// <summary>The same values, with batches normalized by their own moments.</summary>
    public OnnxGraph InTraining => _inTraining ??= new(slots, BatchMoments.InTraining(steps), input);

    /// <summary>Slot of the model's input.</summary>
    public int Input => input;

    /// <summary>All steps, in an order that can be run.</summary>
    public IReadOnlyList<Step> Steps => steps;

    /// <summary>Slot of a value, or -1.</summary>
    public int Slot(string value) => slots.GetValueOrDefault(value, -1);

    /// <summary>Names of all values.</summary>
    public IEnumerable<string> Values => slots.Keys;

    /// <summary>Computes the values of some slots, and only what they need.</summary>
    /// <param name="state">Constants and parameters by slot.</param>
    /// <param name="x">The input, in the model's own units.</param>
    /// <param name="taps">Slots wanted.</param>
    /// <param name="meter">Counts what the values hold, on a pass that is a trial.</param>
    /// <returns>A tensor per tap, which is the caller's.</returns>
    public Tensor[] Run(Tensor[] state, Tensor x, ReadOnlySpan<int> taps, PassMeter? meter = null)
    {
        var plan = PlanOf(taps);
        using var scope = NewDisposeScope();
        var values = (Tensor[])state.Clone();
        values[input] = x;
        for (var i = 0; i < plan.Steps.Length; i++)
        {
            var step = plan.Steps[i];
            if (meter is not null)
                NativeWork.At($"node {OnnxNode.Describe(step.Node)}");
            var value = values[step.Output] = Compute(step, values);
            if (meter?.Add(value) == false)
                throw Failed(step, values, new InvalidOperationException("the model needs too much memory"));
            foreach (var dead in plan.Dead[i])
            {
                meter?.Free(values[dead]);
                values[dead].Dispose();
            }
        }

        var results = new Tensor[taps.Length];
        for (var i = 0; i < taps.Length; i++)
        {
            // A handle of its own where the value is the caller's, the model's, or returned twice.
            var value = values[taps[i]];
            var shared = taps[i] == input || state[taps[i]] is not null || taps[..i].Contains(taps[i]);
            results[i] = (shared ? value.alias() : value).MoveToOuterDisposeScope();
        }

        return results;
    }

    /// <summary>Runs one step; an error names its node.</summary>
    internal static Tensor Compute(Step step, Tensor[] values)
    {
        try
        {
            // What a kernel makes along the way goes at once, not with the pass.
            using var scope = NewDisposeScope();
            var result = step.Kernel(values);
            foreach (var slot in step.Inputs)
                if (ReferenceEquals(values[slot], result))
                    return result.alias().MoveToOuterDisposeScope();
            return scope.MoveToOuter(result);
        }
        catch (Exception e) when (e is not GateException and not OperationCanceledException)
        {
            throw Failed(step, values, e);
        }
    }

    private static GateException Failed(Step step, Tensor[] values, Exception e)
    {
        var shapes = string.Join(", ", step.Inputs.Take(8).Select(i => $"[{string.Join(", ", values[i].shape)}]"));
        return new(
            new Diagnostic(
                DiagnosticCodes.ModelShape,
                $"Node {OnnxNode.Describe(step.Node)} cannot run on {shapes}: {FirstLine(e.Message)}"
            ),
            e
        );
    }

    /// <summary>The first line of a message, as a sentence.</summary>
    internal static string FirstLine(string text) => text.Split('\n')[0].TrimEnd('.', ' ') + ".";

    private Plan PlanOf(ReadOnlySpan<int> taps)
    {
        var key = string.Create(taps.Length, taps, static (span, t) =>
        {
            for (var i = 0; i < t.Length; i++)
                span[i] = (char)t[i];
        });
        return _plans.TryGetValue(key, out var plan) ? plan : _plans.GetOrAdd(key, MakePlan(taps));
    }

    private Plan MakePlan(ReadOnlySpan<int> taps)
    {
        var needed = OnnxFusion.Merge(Needed(taps), taps);
        var computed = needed.Select(s => s.Output).ToHashSet();
        computed.ExceptWith(taps.ToArray());
        var dead = new int[needed.Count][];
        for (var i = needed.Count - 1; i >= 0; i--)
        {
            // Backwards, the first step that reads a value is the last that needs it.
            dead[i] = [.. needed[i].Inputs.Where(computed.Remove)];
        }

        return new([.. needed], dead);
    }

    /// <summary>
    /// The part that computes a value from another one, which is then its input; null where it needs the input as well.
    /// </summary>
    /// <param name="from">Slot of the value to begin with.</param>
    /// <param name="to">Slot of the value to end with.</param>
    public OnnxGraph? Between(int from, int to)
    {
        HashSet<int> wanted = [to];
        var needed = Needed(wanted, known: from);
        return wanted.Contains(input) ? null : new OnnxGraph(slots, needed, from);
    }

    /// <summary>The steps that some slots depend on, in an order that can be run.</summary>
    public List<Step> Needed(params ReadOnlySpan<int> taps) => Needed([.. taps], known: -1);

    // Adds to the wanted slots all that they depend on, as far as the one that is known.
    private List<Step> Needed(HashSet<int> wanted, int known)
    {
        var needed = new List<Step>();
        foreach (var step in steps.Reverse())
        {
            if (step.Output == known || !wanted.Contains(step.Output))
                continue;
            wanted.UnionWith(step.Inputs);
            needed.Add(step);
        }

        needed.Reverse();
        return needed;
    }
}
