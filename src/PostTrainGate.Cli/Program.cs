using System.Text;
using PostTrainGate.Cli;
using PostTrainGate.Cli.Engine;
using PostTrainGate.Torch;

VectorWidth.Pin(); // both before the first tensor
IdleThreads.Sleep();
if (args is [EngineWorker.Argument])
    return OwnLibtorch.Run() ?? EngineWorker.Run();
if (args is ["check" or "inspect" or "init", ..])
    EngineProcess.StartEarly(); // while the policy and its base are read
if (Console.OutputEncoding.CodePage != Encoding.UTF8.CodePage)
    Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
try
{
    return await CommandLine.RunAsync(args, CliHost.OfProcess());
}
finally
{
    EngineProcess.EndEarly();
}
