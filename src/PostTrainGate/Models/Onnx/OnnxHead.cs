using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>What stands at a graph's end, and how logits come of it.</summary>
/// <param name="Node">The softmax or sigmoid.</param>
/// <param name="Tail">The nodes after it, which only rename or reshape, repeated on what stands before it.</param>
internal sealed record OnnxHead(NodeProto Node, IReadOnlyList<NodeProto> Tail)
{
    /// <summary>Probabilities in float32 that are smaller count as this one, whose logarithm is -87.</summary>
    private const float Smallest = 1.17549435e-38f;

    private const double SumTolerance = 1e-3;
    private const string LogitsPrefix = "posttraingate.logits/";

    /// <summary>What it is.</summary>
    public OutputHead Kind => Enum.Parse<OutputHead>(Node.OpType);

    /// <summary>Name of the value that holds the logits.</summary>
    public string Logits => Tail.Count == 0 ? Node.Input[0] : Tail[^1].Output[0];

    /// <summary>
    /// Finds a softmax, log-softmax or sigmoid at the end; null where none is, or where the user says that another one
    /// is.
    /// </summary>
    /// <param name="producer">The node that a value comes from, or null.</param>
    /// <param name="output">Name of the model's output.</param>
    /// <param name="wanted">What the user says that the output holds.</param>
    public static OnnxHead? Find(Func<string, NodeProto?> producer, string output, OutputHead? wanted)
    {
        var passed = new List<NodeProto>();
        var head = producer(output);
        while (head is not null && !IsHead(head))
        {
            if (
                head.OpType
                    is not ("Identity" or "Dropout" or "Reshape" or "Flatten" or "Squeeze" or "Unsqueeze" or "Cast")
                || head.Input.Count == 0
            )
                return null;
            passed.Add(head);
            head = producer(head.Input[0]);
        }

        return
            head is not null && (wanted ?? Enum.Parse<OutputHead>(head.OpType)) == Enum.Parse<OutputHead>(head.OpType)
            ? new(head, Repeated(passed, head.Input[0]))
            : null;
    }

    /// <summary>Rows of probabilities: none negative, each row with the sum 1.</summary>
    /// <param name="units">[batch, units].</param>
    public static bool AreProbabilities(Tensor units)
    {
        using var scope = NewDisposeScope();
        return units.shape[1] > 1 && AreShares(units) && (units.sum(1) - 1).abs().max().item<float>() <= SumTolerance;
    }

    /// <summary>Whether every value lies in [0, 1].</summary>
    public static bool AreShares(Tensor units)
    {
        using var scope = NewDisposeScope();
        return units.numel() > 0
            && units.isfinite().all().item<bool>()
            && units.min().item<float>() >= -SumTolerance
            && units.max().item<float>() <= 1 + SumTolerance;
    }

    /// <summary>What is wrong where values do not show whether one unit is a probability or a logit.</summary>
    public const string SingleShare =
        "returns one value from 0 to 1 per row; set 'output.head' to probabilities, or to sigmoid "
        + "if the value is a logit";

    /// <summary>Whether nothing shows what one unit is.</summary>
    /// <param name="head">What was found at the end; null: nothing.</param>
    /// <param name="units">[batch, units].</param>
    public static bool IsSingleShare(OutputHead? head, Tensor units) =>
        head is null or OutputHead.Logits && units.shape[1] == 1 && AreShares(units);

    /// <summary>
    /// [batch, classes], from whatever shape one value per class has. One unit z: the logits of its two classes are 0
    /// and z. Of probabilities their logarithms, whose softmax they are.
    /// </summary>
    public static Tensor ToLogits(Tensor value, OutputHead head)
    {
        var units =
            value.dim() == 1 ? value.unsqueeze(1)
            : value.dim() > 2 ? value.flatten(1)
            : value;
        var single = units.size(1) == 1;
        if (head == OutputHead.Probabilities)
            return (single ? cat([1 - units, units], 1) : units).clamp_min(Scalars.Get(Smallest)).log();
        return single ? cat([zeros_like(units), units], 1) : units;
    }

    /// <summary>Whether a head makes of logits what the file states.</summary>
    /// <param name="head">The head.</param>
    /// <param name="logits">[batch, units].</param>
    /// <param name="stated">The file's output, of the same number of values.</param>
    /// <param name="tolerance">Largest difference.</param>
    public static bool Restores(
        OutputHead head,
        Tensor logits,
        Tensor stated,
        double tolerance = OnnxAgreement.Tolerance
    )
    {
        var again = head switch
        {
            OutputHead.Softmax => logits.softmax(1),
            OutputHead.LogSoftmax => logits.log_softmax(1),
            OutputHead.Sigmoid => logits.sigmoid(),
            _ => logits,
        };
        return (head == OutputHead.Sigmoid || logits.shape[1] > 1)
            && OnnxAgreement.Agree(again.flatten(), stated.flatten(), tolerance);
    }

    private static bool IsHead(NodeProto node) =>
        node.OpType is "Softmax" or "LogSoftmax" or "Sigmoid" && node.Input.Count == 1;

    private static List<NodeProto> Repeated(List<NodeProto> passed, string before)
    {
        var tail = new List<NodeProto>();
        foreach (var node in passed.AsEnumerable().Reverse())
        {
            var copy = node.Clone();
            copy.Name = ""; // two nodes of one name are no valid file
            copy.Input[0] = before;
            copy.Output.Clear();
            copy.Output.Add(before = LogitsPrefix + node.Output[0]);
            tail.Add(copy);
        }

        return tail;
    }
}
